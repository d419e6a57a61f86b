// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * An access log: records go through a queue to writer threads, which append them to one file, each a batch at a time.
 */
final class AccessLog {
    private static final int WRITERS = 2;
    private static final int BATCH = 256;

    private final Structures structures;
    private final Path file;
    private final LongAdder queued = new LongAdder();
    private final AtomicInteger maxDepth = new AtomicInteger();
    private final List<Thread> writers = new ArrayList<>();
    private volatile boolean closing;
    private volatile Exception failure;

    AccessLog(Structures structures, Path folder) {
        this.structures = structures;
        this.file = file(folder, structures.name());
        for (int i = 0; i < WRITERS; i++) {
            writers.add(Thread.ofPlatform().name("log-writer-" + i).daemon().start(this::write));
        }
    }

    static Path file(Path folder, String side) {
        return folder.resolve("access-" + side + ".log");
    }

    /** Queues the record; while the queue is full, the caller waits for the writers. */
    void add(AccessRecord accessRecord) {
        while (!structures.queue().offer(accessRecord)) {
            if (failure != null) {
                throw new IllegalStateException("the log's writers failed", failure);
            }
            LockSupport.parkNanos(50_000);
        }
        queued.increment();
    }

    long queued() {
        return queued.sum();
    }

    int maxDepth() {
        return maxDepth.get();
    }

    /** Lines in the file. */
    long lines() {
        try (Stream<String> lines = Files.lines(file)) {
            return lines.count();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until all that was queued is written. Nobody may add any more. */
    void close() throws InterruptedException {
        closing = true;
        for (Thread writer : writers) {
            writer.join();
        }
    }

    private void write() {
        StringBuilder lines = new StringBuilder();
        // An append is one write, so that the lines of two writers do not mix.
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
            while (true) {
                boolean last = closing; // read before the queue is seen empty
                maxDepth.accumulateAndGet(structures.queue().size(), Math::max);
                AccessRecord next;
                for (int i = 0; i < BATCH && (next = structures.queue().poll()) != null; i++) {
                    next.appendTo(lines);
                }
                if (lines.isEmpty()) {
                    if (last) {
                        return;
                    }
                    LockSupport.parkNanos(200_000);
                    continue;
                }
                ByteBuffer bytes = ByteBuffer.wrap(lines.toString().getBytes(StandardCharsets.US_ASCII));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                lines.setLength(0);
            }
        } catch (IOException | RuntimeException e) {
            failure = e;
            System.err.println("demo: the access log failed: " + e);
        }
    }
}
