// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Base64;
import java.util.Deque;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * The load's own process: an HTTP/1.1 client of one thread. In a closed loop each connection sends its next request
 * when it has the answer to its last, which finds how many the server can answer. In an open loop requests arrive at a
 * given rate (a Poisson process), whether answers come or not; one that finds no free connection waits in the client;
 * its latency counts from its arrival, so what a stall makes wait is seen (no coordinated omission). Who sends is told
 * by lines of standard input, and answers by one line each; before it, a line each half second with what happened in
 * that.
 *
 * <p>
 * The idea is wrk2's, which is not among Debian's packages. One thread, as the server has to live on the same machine.
 */
final class LoadClient {
    static final long MAX_LATENCY_NANOS = 60_000_000_000L;
    private static final long LONGEST_PARK_NANOS = 100_000;
    private static final long TICK_NANOS = 500_000_000;
    private static final long DRAIN_NANOS = 20_000_000_000L;
    private static final byte[] END_OF_HEAD = {'\r', '\n', '\r', '\n'};

    private final ByteBuffer request;
    private final Selector selector;
    private final Connection[] connections;
    private final Deque<Connection> free = new ArrayDeque<>();
    private final Histogram latency = new Histogram(MAX_LATENCY_NANOS, 3);
    private final Histogram tick = new Histogram(MAX_LATENCY_NANOS, 2);
    private final PrintStream out = System.out;
    private final SlowRequests slow = new SlowRequests();
    private long tickNanos;
    private boolean closed;
    private long endNanos;
    private long answered;
    private long failed;

    /** One connection; {@code arrivedNanos} is of the request that it has under way. */
    private static final class Connection {
        final SocketChannel channel;
        final ByteBuffer unsent;
        final ByteBuffer received = ByteBuffer.allocate(16 * 1024);
        SelectionKey key;
        long arrivedNanos;
        long sentNanos;
        boolean busy;

        Connection(SocketChannel channel, ByteBuffer request) {
            this.channel = channel;
            unsent = request.duplicate();
        }
    }

    private LoadClient(int port, int count) throws IOException {
        byte[] body = (Load.LINE + "\n").repeat(Load.LINES).getBytes(StandardCharsets.US_ASCII);
        byte[] head = ("POST /text HTTP/1.1\r\nHost: 127.0.0.1:" + port
                + "\r\nContent-Type: text/plain\r\nContent-Length: " + body.length + "\r\n\r\n")
                .getBytes(StandardCharsets.US_ASCII);
        request = ByteBuffer.allocateDirect(head.length + body.length).put(head).put(body).flip();
        selector = Selector.open();
        connections = new Connection[count];
        for (int i = 0; i < count; i++) {
            SocketChannel channel = SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.configureBlocking(false);
            connections[i] = new Connection(channel, request);
            connections[i].key = channel.register(selector, SelectionKey.OP_READ, connections[i]);
        }
    }

    /**
     * Arguments: the port and the number of connections, which stay from round to round. Lines: {@code closed MILLIS}
     * or {@code open MILLIS RATE SEED}.
     */
    public static void main(String[] arguments) throws IOException {
        var client = new LoadClient(Integer.parseInt(arguments[0]), Integer.parseInt(arguments[1]));
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line; (line = lines.readLine()) != null;) {
            String[] words = line.split(" ");
            client.begin();
            long nanos = Long.parseLong(words[1]) * 1_000_000;
            if (words[0].equals("closed")) {
                client.runClosed(nanos);
            } else {
                client.runOpen(nanos, Double.parseDouble(words[2]), Long.parseLong(words[3]));
            }
            client.out.println(client.result(nanos));
            client.out.flush();
        }
    }

    private void begin() {
        latency.reset();
        tick.reset();
        tickNanos = System.nanoTime();
        slow.begin();
        answered = 0;
        failed = 0;
        free.clear();
        for (Connection connection : connections) {
            if (connection.key.isValid() && !connection.busy) {
                free.push(connection);
            }
        }
    }

    private String result(long nanos) {
        for (Connection connection : connections) {
            failed += connection.busy ? 1 : 0;
        }
        ByteBuffer bytes = ByteBuffer.allocate(latency.getNeededByteBufferCapacity());
        int length = latency.encodeIntoCompressedByteBuffer(bytes);
        byte[] encoded = new byte[length];
        bytes.get(0, encoded);
        return answered + " " + failed + " " + nanos / 1e9 + " " + Base64.getEncoder().encodeToString(encoded)
                + " " + Trip.write(closed ? List.of() : slow.of(latency.getTotalCount()));
    }

    private void runClosed(long nanos) throws IOException {
        closed = true;
        endNanos = System.nanoTime() + nanos;
        while (!free.isEmpty()) {
            send(free.pop(), System.nanoTime());
        }
        while (System.nanoTime() - endNanos < 0) {
            selector.select(this::ready, 10);
        }
        drain();
    }

    private void runOpen(long nanos, double rate, long seed) throws IOException {
        var random = new SplittableRandom(seed);
        var arrivals = new ArrayDeque<Long>();
        closed = false;
        long start = System.nanoTime();
        endNanos = start + nanos;
        double next = start;
        while (true) {
            long now = System.nanoTime();
            slow.here(now);
            while (next <= now && next < endNanos) {
                arrivals.add((long) next);
                next += -Math.log(1 - random.nextDouble()) * 1e9 / rate;
            }
            while (!arrivals.isEmpty() && !free.isEmpty()) {
                send(free.pop(), arrivals.remove());
            }
            if (arrivals.isEmpty() && next >= endNanos) {
                break;
            }
            if (now - endNanos > DRAIN_NANOS) {
                failed += arrivals.size();
                break;
            }
            if (selector.selectNow(this::ready) == 0 && System.nanoTime() < next) {
                LockSupport.parkNanos(Math.min((long) next - now, LONGEST_PARK_NANOS));
            }
        }
        drain();
    }

    /** Waits for the answers that are still to come. */
    private void drain() throws IOException {
        long last = System.nanoTime() + DRAIN_NANOS;
        while (isAnyBusy() && System.nanoTime() - last < 0) {
            selector.select(this::ready, 10);
        }
    }

    private boolean isAnyBusy() {
        for (Connection connection : connections) {
            if (connection.busy) {
                return true;
            }
        }
        return false;
    }

    private void send(Connection connection, long arrivedNanos) {
        connection.busy = true;
        connection.arrivedNanos = arrivedNanos;
        connection.sentNanos = System.nanoTime();
        connection.unsent.rewind();
        write(connection);
    }

    private void write(Connection connection) {
        try {
            connection.channel.write(connection.unsent);
            connection.key.interestOps(SelectionKey.OP_READ
                    | (connection.unsent.hasRemaining() ? SelectionKey.OP_WRITE : 0));
        } catch (IOException e) {
            lose(connection);
        }
    }

    private void ready(SelectionKey key) {
        Connection connection = (Connection) key.attachment();
        if (key.isWritable()) {
            write(connection);
        }
        if (key.isValid() && key.isReadable()) {
            read(connection);
        }
    }

    private void read(Connection connection) {
        try {
            if (connection.channel.read(connection.received) < 0) {
                lose(connection);
                return;
            }
        } catch (IOException e) {
            lose(connection);
            return;
        }
        int length = answerLength(connection.received);
        if (length < 0 || connection.received.position() < length) {
            return;
        }
        boolean good = connection.received.get(9) == '2';
        long now = System.nanoTime();
        if (!closed) {
            slow.answered(connection.arrivedNanos, connection.sentNanos, now, connection.received);
        }
        connection.received.clear();
        connection.busy = false;
        long nanos = Math.clamp(now - connection.arrivedNanos, 0, MAX_LATENCY_NANOS);
        latency.recordValue(nanos);
        tick.recordValue(nanos);
        if (now - tickNanos >= TICK_NANOS) {
            tell(now);
        }
        if (good) {
            answered++;
        } else {
            failed++;
        }
        if (!closed) {
            free.push(connection);
        } else if (now - endNanos < 0) {
            send(connection, now);
        }
    }

    private void tell(long now) {
        out.println("tick " + tick.getTotalCount() * 1e9 / (now - tickNanos) + " " + tick.getValueAtPercentile(50) + " "
                + tick.getValueAtPercentile(99) + " " + tick.getValueAtPercentile(99.9));
        out.flush();
        tick.reset();
        tickNanos = now;
    }

    /** A connection that the server ended: its request failed, and it takes no other. */
    private void lose(Connection connection) {
        connection.key.cancel();
        if (connection.busy) {
            connection.busy = false;
            failed++;
        }
    }

    /** The bytes of the whole answer, once its head is there; else -1. */
    private static int answerLength(ByteBuffer received) {
        byte[] bytes = received.array();
        int end = received.position();
        int body = 0;
        int matched = 0;
        for (int i = 0; i < end; i++) {
            matched = bytes[i] == END_OF_HEAD[matched] ? matched + 1 : bytes[i] == '\r' ? 1 : 0;
            if (matched == END_OF_HEAD.length) {
                return i + 1 + body;
            }
            if (bytes[i] == ':' && isContentLength(bytes, i)) {
                body = number(bytes, i + 1);
            }
        }
        return -1;
    }

    private static boolean isContentLength(byte[] bytes, int colon) {
        String name = "content-length";
        if (colon < name.length()) {
            return false;
        }
        for (int i = 0; i < name.length(); i++) {
            if ((bytes[colon - name.length() + i] | 0x20) != (name.charAt(i) | 0x20)) {
                return false;
            }
        }
        return true;
    }

    private static int number(byte[] bytes, int from) {
        int number = 0;
        for (int i = from; bytes[i] == ' ' || bytes[i] >= '0' && bytes[i] <= '9'; i++) {
            number = bytes[i] == ' ' ? number : number * 10 + bytes[i] - '0';
        }
        return number;
    }
}
