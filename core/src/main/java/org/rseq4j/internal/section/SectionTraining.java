// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.Scratch;

/**
 * Runs the protocol of {@link Section} on scratch memory, with every outcome, before the first section: a grant lasts 5
 * us, and must not meet the interpreter, an unlinked method handle or a branch that the JIT has never seen taken. Few
 * rounds do. The first compiler's code is quick enough, and what it counts keeps the second one from leaving branches
 * out, wherever it inlines this.
 */
final class SectionTraining {
    /** Bursts of rounds of training, and the milliseconds that the compiler gets after each. */
    private static final int BURSTS = 4;
    private static final int ROUNDS = 250;
    private static final int PAUSE = 10;
    private static volatile Thread trainer;

    private SectionTraining() {
    }

    /** A thread that keeps nothing of the one that makes it: no class loader, no inherited thread locals. */
    static Thread thread(Runnable task) {
        Thread thread = new Thread(null, task, "rseq4j-training", 0, false);
        thread.setDaemon(true);
        thread.setContextClassLoader(null);
        return thread;
    }

    static void start() {
        Thread thread = thread(SectionTraining::train);
        trainer = thread;
        try {
            thread.start();
        } catch (OutOfMemoryError e) {
            trainer = null; // no thread to be had: the first grants come too late
        }
    }

    /** Returns when training is over. */
    static void await() {
        Thread thread = trainer;
        boolean interrupted = false;
        while (thread != null && thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        trainer = null;
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    static boolean isTraining() {
        return Thread.currentThread() == trainer;
    }

    static void train() {
        long[] counted = new long[3];
        try (var scratch = new Scratch()) {
            long record = scratch.address;
            Section.prepare(record, record + Abi.RECORD_SIZE);
            for (int burst = 0; burst < BURSTS; burst++) {
                for (int round = 0; round < ROUNDS; round++) {
                    round(record, record + Abi.RECORD_SIZE, round & 7, counted);
                }
                Thread.sleep(PAUSE);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (LinkageError e) {
            // The class loader was closed meanwhile: there is nobody left to train for.
        } finally {
            // It takes the very path of real sections, which count.
            Section.YIELDED.add(-counted[0]);
            Section.REVOKED.add(-counted[1]);
            Section.INTERRUPTED.add(-counted[2]);
        }
    }

    private static void round(long record, long area, int outcome, long[] counted) {
        long section = Section.open(record);
        long nested = Section.begin(area);
        if (outcome < 4) {
            set(area + Abi.SLICE_REQUEST, 0);
            set(area + Abi.SLICE_GRANTED, 1);
            counted[1]++; // this thread has no grant that it could give back in time
        } else if (outcome < 6) {
            set(area + Abi.SLICE_REQUEST, 0);
            counted[2] += 5 - outcome;
        }
        if (outcome > 4) {
            Section.renewOpen(section, record);
        }
        Section.end(nested);
        Section.close(section, record);
        Section.count((byte) 1, 1);
        counted[0]++;
        Section.close((outcome & 1) == 0 ? 0 : section); // no section, and one that is not open on this thread
        set(area + Abi.SLICE_GRANTED, 0);
        Section.end(Section.begin(area));
    }

    private static void set(long place, int value) {
        Memory.setByteOpaque(place, (byte) value);
    }
}
