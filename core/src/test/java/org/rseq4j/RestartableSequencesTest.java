// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.rseq4j.stress.Storm;
import org.rseq4j.stress.TestThreads;

class RestartableSequencesTest {
    private static final int CAPACITY = 64;
    /** The torture's least length; its long form goes on until it has done as many operations as these say. */
    private static final int SECONDS = Integer.getInteger("rseq4j.test.seconds", 3);
    private static final long ADDS = Long.getLong("rseq4j.test.adds", 0);
    private static final long STACK_OPERATIONS = Long.getLong("rseq4j.test.stackOperations", 0);

    private final PerCpuMemory memory = PerCpuMemory.allocate(8192);

    @AfterEach
    void closeMemory() {
        memory.close();
    }

    private static RestartableSequences by(boolean concurrencyId) {
        return concurrencyId ? RestartableSequences.byConcurrencyId() : RestartableSequences.byCpu();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void addTellsTheCpuWhoseWordItChanged(boolean cid) {
        int cpu = by(cid).add(memory, 8, 5);
        assertTrue(cpu >= 0 && cpu < memory.strideCount());
        assertEquals(5, memory.get(cpu, 8));
        assertEquals(5, memory.sum(8));
        by(cid).add(memory, 8, -6);
        assertEquals(-1, memory.sum(8));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void compareAndStoreTellsWhetherItMatched(boolean cid) {
        while (true) {
            int cpu = by(cid).compareAndStore(memory, 0, 0, 9);
            if (cpu >= 0) {
                assertEquals(9, memory.get(cpu, 0));
                break;
            }
        }
        assertEquals(9, memory.sum(0));
        for (int i = 0; i < 100; i++) {
            int cpu = by(cid).compareAndStore(memory, 0, 12345, 1);
            assertTrue(cpu < 0 && ~cpu < memory.strideCount());
        }
        assertEquals(9, memory.sum(0));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void swapTellsWhatTheWordWas(boolean cid) {
        long total = 0;
        long[] old = new long[1];
        for (int i = 1; i <= 1000; i++) {
            int cpu = by(cid).swap(memory, 0, i, old);
            assertEquals(i, memory.get(cpu, 0));
            total += i - old[0];
        }
        assertEquals(total, memory.sum(0));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStackIsLastInFirstOutAndBounded(boolean cid) {
        var sequences = by(cid);
        long[] word = new long[1];
        assertTrue(sequences.pop(memory, 0, word) < 0);
        int pushed = 0;
        while (sequences.push(memory, 0, CAPACITY, 100 + pushed) >= 0) {
            pushed++;
            assertTrue(pushed <= CAPACITY * memory.strideCount());
        }
        assertTrue(pushed >= CAPACITY);
        int popped = 0;
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            long[] last = {Long.MAX_VALUE};
            popped += sequences.drain(memory, cpu, 0, CAPACITY, w -> {
                assertTrue(w < last[0], "the former top comes first");
                last[0] = w;
            });
        }
        assertEquals(pushed, popped);
        assertEquals(0, memory.sum(0));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void manyWordsMoveInOrder(boolean cid) {
        var sequences = by(cid);
        long[] words = new long[100];
        for (int i = 0; i < words.length; i++) {
            words[i] = i + 1;
        }
        long moved = sequences.pushMany(memory, 0, CAPACITY, words, 10);
        assertEquals(10, moved >>> 32);
        int cpu = (int) moved;
        assertEquals(10, memory.get(cpu, 0));
        for (int i = 0; i < 10; i++) {
            assertEquals(i + 1, memory.get(cpu, 8 + i * 8));
        }
        long[] out = new long[10];
        long popped;
        do {
            popped = sequences.popMany(memory, 0, out, 4);
        } while (popped >>> 32 == 0);
        assertEquals(4, popped >>> 32);
        assertArrayEquals(new long[]{10, 9, 8, 7, 0, 0, 0, 0, 0, 0}, out);
        assertEquals(0, sequences.pushMany(memory, 0, CAPACITY, words, 0) >>> 32);
        do {
            moved = sequences.pushMany(memory, 0, CAPACITY, words, 100);
        } while ((int) moved != cpu);
        assertEquals(CAPACITY - 6, moved >>> 32);
        assertEquals(0, sequences.popMany(memory, 0, out, 0) >>> 32);
    }

    /** Every word that was pushed is there once; ManyWordsTest shows that they are moved in pieces. */
    @Test
    void manyWordsMoveAlthoughTheThreadIsInterruptedAllTheTime() throws InterruptedException {
        assumeTrue(Storm.isAvailable(), "needs the test's native library and native access");
        int many = 1 << 20;
        long[] words = LongStream.range(0, many).toArray();
        long[] moved = new long[2];
        var number = new CompletableFuture<Integer>();
        try (var large = PerCpuMemory.allocate((many + 1) * 8L)) {
            Thread mover = TestThreads.start(() -> {
                number.complete(Storm.thread());
                moved[0] = RestartableSequences.byCpu().pushMany(large, 0, many, words, many) >>> 32;
                for (int cpu = 0; cpu < large.strideCount(); cpu++) {
                    moved[1] += RestartableSequences.byCpu().drain(large, cpu, 0, many, word -> {});
                }
            });
            while (mover.isAlive()) {
                Storm.rage(List.of(number.join()), 10);
            }
        }
        assertEquals(many, moved[0], "each CPU's stack has room for all");
        assertEquals(many, moved[1]);
    }

    @Test
    void badArgumentsAreRefused() {
        var sequences = RestartableSequences.byCpu();
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.push(memory, 0, 1024, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.push(memory, 8, 1023, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.push(memory, 0, 0, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.push(memory, 0, Integer.MAX_VALUE, 1));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.pop(memory, 0, new long[0]));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.popMany(memory, 0, new long[3], 4));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.pushMany(memory, 0, 4, new long[3], -1));
        assertThrows(IndexOutOfBoundsException.class, () -> sequences.swap(memory, -8, 0, new long[1]));
        assertThrows(IndexOutOfBoundsException.class, () -> RestartableSequences.fence(Rseq.cpuCount()));
        assertThrows(IndexOutOfBoundsException.class, () -> RestartableSequences.fence(-1));
        assertThrows(NullPointerException.class, () -> sequences.add(null, 0, 1));
        assertThrows(IndexOutOfBoundsException.class,
                () -> sequences.drain(memory, memory.strideCount(), 0, CAPACITY, w -> {}));
        assertEquals(0, memory.sum(0));
    }

    @Test
    void fencesReturn() {
        for (int cpu = 0; cpu < Rseq.cpuCount(); cpu++) {
            RestartableSequences.fence(cpu);
        }
        RestartableSequences.fenceAll();
    }

    @Test
    void itSaysWhyItIsNotNative() {
        assertEquals(RestartableSequences.isNative(), RestartableSequences.reason().isEmpty());
        RseqStatus status = Rseq.status();
        // No kernel for x86 is known that does not abort them: if none is, it is the library that does not ask for it.
        if (status.registration() != RseqStatus.Registration.NONE && status.arch().equals("amd64")) {
            assertTrue(RestartableSequences.isNative(), RestartableSequences.reason());
        }
    }

    /**
     * Adds, stacks and drains on more threads than CPUs, while threads are moved and interrupted all the time: the sum
     * is exact, and every handle is there once.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingIsLostOrDoubledInAStorm(boolean cid) throws InterruptedException {
        assumeTrue(Storm.isAvailable(), "needs the test's native library and native access");
        var sequences = by(cid);
        int threads = 16;
        int handles = 512;
        long stack = 16;
        var owners = new AtomicIntegerArray(handles + 1);
        for (int handle = 1; handle <= handles; handle++) {
            int at = handle;
            while (sequences.push(memory, stack, 600, at) < 0) {
                Thread.yield();
            }
        }
        var over = new AtomicBoolean();
        var added = new AtomicLong();
        var moved = new AtomicLong();
        var aborts = new AtomicLong();
        var ready = new CountDownLatch(threads);
        List<Integer> numbers = Collections.synchronizedList(new ArrayList<>());
        List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            int worker = i;
            workers.add(TestThreads.start(() -> {
                numbers.add(Storm.thread());
                ready.countDown();
                try {
                    churn(sequences, stack, owners, over, added, moved, worker);
                } catch (Throwable e) {
                    failures.add(e);
                }
                aborts.addAndGet(RestartableSequences.abortsOfThisThread());
            }));
        }
        ready.await();
        Storm.Faults storm = Storm.rage(numbers, SECONDS * 1000L / 2);
        while (failures.isEmpty() && (added.get() < ADDS || moved.get() < STACK_OPERATIONS)) {
            storm = storm.and(Storm.rage(numbers, 1000));
        }
        Storm.Faults faults = storm;
        over.set(true);
        for (Thread worker : workers) {
            worker.join();
        }
        assertEquals(List.of(), failures);
        assertEquals(added.get(), memory.sum(0));
        boolean[] seen = new boolean[handles + 1];
        int[] left = {0};
        for (int cpu = 0; cpu < memory.strideCount(); cpu++) {
            sequences.drain(memory, cpu, stack, 600, handle -> {
                assertTrue(!seen[(int) handle], () -> "handle " + handle + " was doubled");
                seen[(int) handle] = true;
                left[0]++;
            });
        }
        assertEquals(handles, left[0], "handles were lost");
        assertTrue(added.get() > 0 && moved.get() > 0 && faults.signals() > 0);
        if (RestartableSequences.isNative() && Long.getLong("rseq4j.debug.window", 0) > 0) {
            // A usual sequence is so short that a storm may miss it.
            assertTrue(aborts.get() > 0, () -> "no sequence was aborted by " + faults);
        }
        System.out.printf("%s: %,d adds, %,d stack operations, %,d moves, %,d signals, %,d aborts%n",
                cid ? "by concurrency ID" : "by CPU", added.get(), moved.get(), faults.moves(), faults.signals(),
                aborts.get());
    }

    private void churn(RestartableSequences sequences, long stack, AtomicIntegerArray owners, AtomicBoolean over,
            AtomicLong added, AtomicLong moved, int worker) {
        long[] word = new long[1];
        long[] words = new long[8];
        long adds = 0;
        long moves = 0;
        for (int round = 0; !over.get(); round++) {
            for (int i = 0; i < 50; i++) {
                sequences.add(memory, 0, 1);
                adds++;
            }
            if (sequences.pop(memory, stack, word) >= 0) {
                own(owners, (int) word[0]);
                giveBack(sequences, stack, owners, word, 1);
                moves += 2;
            }
            int n = (int) (sequences.popMany(memory, stack, words, words.length) >>> 32);
            for (int i = 0; i < n; i++) {
                own(owners, (int) words[i]);
            }
            giveBack(sequences, stack, owners, words, n);
            moves += 2L * n;
            if ((ADDS > 0 || STACK_OPERATIONS > 0) && round % 10_000 == 0) {
                added.addAndGet(adds);
                moved.addAndGet(moves);
                adds = 0;
                moves = 0;
            }
            if (round % 1000 == worker * 50) {
                List<Long> drained = new ArrayList<>();
                sequences.drain(memory, round / 1000 % memory.strideCount(), stack, 600, drained::add);
                long[] all = drained.stream().mapToLong(Long::longValue).toArray();
                for (long handle : all) {
                    own(owners, (int) handle);
                }
                giveBack(sequences, stack, owners, all, all.length);
                moves += 2L * all.length;
            }
        }
        added.addAndGet(adds);
        moved.addAndGet(moves);
    }

    private static void own(AtomicIntegerArray owners, int handle) {
        assertTrue(owners.compareAndSet(handle, 0, 1), () -> "handle " + handle + " has two owners");
    }

    private void giveBack(RestartableSequences sequences, long stack, AtomicIntegerArray owners, long[] words, int n) {
        long[] left = java.util.Arrays.copyOf(words, n);
        for (long handle : left) {
            owners.set((int) handle, 0);
        }
        int pushed = 0;
        while (pushed < n) {
            long[] rest = java.util.Arrays.copyOfRange(left, pushed, n);
            int moved = (int) (sequences.pushMany(memory, stack, 600, rest, rest.length) >>> 32);
            pushed += moved;
            if (moved == 0) {
                Thread.yield(); // that stack is being drained, or full
            }
        }
    }

    @Test
    void virtualThreadsAddExactly() throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 500; i++) {
            threads.add(TestThreads.startVirtual(() -> {
                for (int j = 0; j < 200; j++) {
                    RestartableSequences.byCpu().add(memory, 8, 1);
                    if (j % 50 == 0) {
                        Thread.yield();
                    }
                }
            }));
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(100_000, memory.sum(8));
    }
}
