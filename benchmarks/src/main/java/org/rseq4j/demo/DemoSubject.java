// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.List;

/** The demo's own server, which has all sides in one. */
final class DemoSubject implements Subject {
    private final Server server;
    private final Server.Backend backend;

    DemoSubject(Server server, Server.Backend backend) {
        this.server = server;
        this.backend = backend;
    }

    @Override
    public String name() {
        return backend.structures().name();
    }

    @Override
    public int port() {
        return server.port();
    }

    @Override
    public void use() {
        server.use(backend);
    }

    @Override
    public void stop() throws InterruptedException {
        server.stop();
        backend.log().close();
    }

    @Override
    public List<Check> checks(long answered) {
        Structures structures = backend.structures();
        return List.of(
                new Check("requestsCountedEqualAnswered", "requests counted", structures.statistics().requests(),
                        "answered", answered),
                new Check("logLinesEqualRecordsQueued", "lines in the log", backend.log().lines(), "records queued",
                        backend.log().queued()),
                new Check("everyBufferIsBack", "buffers out", structures.buffers().out(), "expected", 0));
    }

    @Override
    public List<Figure> figures() {
        Structures structures = backend.structures();
        return List.of(new Figure("poolHits", "pool hits", structures.buffers().hits()),
                new Figure("poolMisses", "pool misses", structures.buffers().misses()),
                new Figure("maxQueueDepth", "queue depth, most seen", backend.log().maxDepth()),
                new Figure("logRecords", "records logged", backend.log().queued()));
    }
}
