// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/** Servers that are not the demo's own, each with a part of this library's and with its own. */
final class OtherServers {
    private static final ThreadLocal<Buffer> BUFFERS = ThreadLocal.withInitial(Buffer::new);

    private OtherServers() {
    }

    /** {@return this library's side and the other one, started} */
    static List<Subject> start(String server) throws Exception {
        return switch (server) {
            case "jetty" -> List.of(JettySubject.rseq4j(), JettySubject.jetty());
            case "netty" -> List.of(NettySubject.rseq4j(), NettySubject.netty());
            case "helidon" -> List.of(HelidonSubject.rseq4j(), HelidonSubject.jdk());
            default -> throw new IllegalArgumentException("not jetty, netty or helidon: " + server);
        };
    }

    /**
     * {@return the demo's answer to a text} The running thread's own buffer is used, so it must not be a virtual one.
     */
    static byte[] answer(byte[] text) {
        Buffer buffer = BUFFERS.get();
        int length = Math.min(text.length, Buffer.SIZE);
        System.arraycopy(text, 0, buffer.text, 0, length);
        return buffer.render(length);
    }

    static Subject.Check counted(LongAdder requests, long answered) {
        return new Subject.Check("requestsCountedEqualAnswered", "requests counted", requests.sum(), "answered",
                answered);
    }
}
