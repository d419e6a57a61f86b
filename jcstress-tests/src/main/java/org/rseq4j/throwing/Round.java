// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.rseq4j.SliceExtension;

/** One subject, one victim, one way to throw; then one who checks. */
final class Round {
    /** Small, so that the bottom is near. */
    private static final long VICTIMS_STACK = 256 << 10;
    /** Operations that ended well in a row: there is stack enough from here on. */
    private static final int ENOUGH = 40;
    /** After what time a thread counts as hung: a second would do on an idle machine. */
    private static final long HUNG_AFTER_MILLIS = 30_000;
    /** With a full heap each allocation is two collections of all of it, which take long on a busy machine. */
    private static final long HUNG_AFTER_MILLIS_FULL_HEAP = 300_000;
    /** Peers are known to hang, and then spin. */
    private static final long HUNG_AFTER_MILLIS_PEER = 5_000;

    private static final long STEP_MILLIS = 100;

    /** How the victim comes to throw. */
    enum Way {
        /** At every depth, from the end of the stack on. */
        STACK,
        /** With no memory left. */
        HEAP,
        /** Out of the callbacks of the user. */
        CALLBACK,
        /** At one call that the library makes, whichever; needs {@link PointsAgent}. */
        CALL,
        /** Nothing is thrown: the thread stops at such a call or a store, for long. Needs {@link PointsAgent}. */
        STOP
    }

    /** What came of it: how often something was thrown, and what was wrong; null when nothing was. */
    record Result(int thrown, String wrong, boolean hung, boolean requestLeft) {
    }

    private final Subject subject;
    private final boolean peer;
    private final boolean[] before;
    private final boolean first;
    private long hungAfterMillis;
    private final SplittableRandom random;
    private final int[] order;
    /** What fills the heap: arrays that are linked. */
    private final Object[] ballast = new Object[1];
    private int at;
    private int thrown;
    private int well;
    private String strange;
    private boolean requestLeft;

    /**
     * A round.
     *
     * @param subject a new one
     * @param peer whether it is known that some hang
     * @param seed of what is left to chance
     * @param before where victims stopped, or threw, in rounds before, for one that does where none did; null: anywhere
     * @param first whether it stops at the first of these places, not just at one, or throws once, not again and again
     */
    Round(Subject subject, boolean peer, long seed, boolean[] before, boolean first) {
        this.first = first;
        this.before = before;
        this.subject = subject;
        this.peer = peer;
        random = new SplittableRandom(seed);
        order = random.ints(256, 0, subject.operations()).toArray();
    }

    Result run(Way way, int warmUp) throws InterruptedException {
        subject.stackEnds = way == Way.STACK;
        hungAfterMillis = way == Way.HEAP
                ? HUNG_AFTER_MILLIS_FULL_HEAP
                : peer ? HUNG_AFTER_MILLIS_PEER : HUNG_AFTER_MILLIS;
        String hung = way == Way.STOP ? stop(warmUp) : within("the victim", VICTIMS_STACK, () -> victim(way, warmUp));
        if (hung == null && strange == null) {
            hung = within("the next thread", 0, () -> strange = subject.check());
        }
        return new Result(thrown, hung != null ? hung : strange, hung != null, requestLeft);
    }

    /** An action that may throw. */
    private interface Action {
        void run() throws Exception;
    }

    /** A thread that is not started; with a stack of so many bytes, or 0: as large as usual. */
    static Thread daemon(String who, long stack, Runnable action) {
        Thread thread = new Thread(null, action, who, stack);
        thread.setDaemon(true);
        return thread;
    }

    /** Waits in many short steps: for how long this whole process is stopped does not count. */
    private void await(Thread thread) throws InterruptedException {
        for (long left = hungAfterMillis; left > 0 && thread.isAlive(); left -= STEP_MILLIS) {
            thread.join(STEP_MILLIS);
        }
    }

    /** What hung, null when all ended. */
    private String within(String who, long stack, Action action) throws InterruptedException {
        Thread thread = daemon(who, stack, () -> {
            try {
                action.run();
            } catch (Throwable e) {
                strange = who + " got " + describe(e);
            }
        });
        thread.start();
        await(thread);
        if (!thread.isAlive()) {
            return null;
        }
        ballast[0] = null; // so that there is room to say it
        StackTraceElement[] frames = thread.getStackTrace();
        return who + " hangs in " + Arrays.stream(frames).filter(f -> f.getClassName().startsWith("org.")
                || f.getClassName().startsWith("java.util.concurrent.locks.Ab")).limit(4).toList();
    }

    /** The victim stops; whoever must not wait for it goes on; then it goes on too. */
    private String stop(int warmUp) throws InterruptedException {
        Thread victim = daemon("the victim", 0, () -> {
            try {
                victim(Way.STOP, warmUp);
            } catch (Throwable e) {
                strange = "the victim got " + describe(e);
            }
        });
        victim.start();
        while (victim.isAlive() && !Points.isStopped()) {
            victim.join(1);
        }
        String hung = null;
        if (Points.isStopped()) {
            thrown++;
            String at = Arrays.stream(victim.getStackTrace()).filter(Round::isLibrary).limit(3).toList().toString();
            hung = within("who must not wait", 0, subject::others);
            if (hung == null) {
                hung = within("another structure", 0, Neighbours::lap);
            }
            hung = hung == null ? goOnWith(victim) : hung + " while the victim stops";
            hung = hung == null ? null : hung + " at " + at;
        }
        Points.release();
        await(victim);
        return hung != null || !victim.isAlive() ? hung : "the victim did not go on";
    }

    /** Who may have to wait for the victim begins while that is stopped, and ends when it goes on. */
    private String goOnWith(Thread victim) throws InterruptedException {
        Thread waiting = daemon("who may wait", 0, () -> {
            try {
                subject.waiters();
            } catch (Throwable e) {
                strange = "who may wait got " + describe(e);
            }
        });
        waiting.start();
        waiting.join(2);
        Points.release();
        await(waiting);
        await(victim);
        return waiting.isAlive()
                ? "who waited hangs in "
                        + Arrays.stream(waiting.getStackTrace()).filter(Round::isLibrary).limit(4).toList()
                        + " after the victim, stopped"
                : null;
    }

    private static boolean isLibrary(StackTraceElement frame) {
        return frame.getClassName().startsWith("org.rseq4j.")
                && !frame.getClassName().startsWith("org.rseq4j.throwing");
    }

    private static String describe(Throwable e) {
        return e + " at " + Arrays.stream(e.getStackTrace()).limit(6).toList();
    }

    private void victim(Way way, int warmUp) throws Exception {
        if (way == Way.STOP && before != null) {
            Points.armToStop(first ? 1 : random.nextInt(1, 600), before); // also in what a thread does once
        }
        // Each once at least: a class that is not initialised or linked yet may stay broken when that throws.
        for (int i = 0; i < Math.max(warmUp, 2 * subject.operations()); i++) {
            subject.run(i % subject.operations());
        }
        subject.recover();
        boolean clean = canRequest(); // a new thread may have the memory of one that is gone, with what that one left
        switch (way) {
            case STACK -> pad(random.nextInt(24));
            case HEAP -> fillHeap();
            case CALLBACK -> explode();
            case CALL -> throwAtCalls();
            case STOP -> stopAtCall();
        }
        subject.recover();
        requestLeft = clean && !canRequest();
    }

    private static boolean canRequest() {
        if (!SliceExtension.isSupported()) {
            return false;
        }
        long section = SliceExtension.begin();
        SliceExtension.end(section);
        return section != 0;
    }

    /** Frames of other sizes below, so that the stack ends at other places. */
    private long pad(int more) {
        long a = more;
        long b = a + 1;
        long c = b + 1;
        if (more == 0) {
            dive();
            return a;
        }
        return pad(more - 1) + a + b + c;
    }

    /** To the end of the stack; then one operation at each depth on the way up, most of which throw. */
    private void dive() {
        try {
            dive();
        } catch (StackOverflowError e) {
            thrown++;
        }
        if (well < ENOUGH) {
            operate();
        }
    }

    private void operate() {
        int next = order[at++ & 255];
        try {
            subject.run(next);
            well++;
        } catch (StackOverflowError e) {
            well = 0;
            throw e;
        } catch (Exception e) {
            if (strange == null) {
                strange = "after a StackOverflowError, " + subject.operation(next) + " threw " + e;
            }
        }
    }

    private void throwAtCalls() throws Exception {
        for (int i = 0; i < 64; i++) {
            int next = order[i];
            if (random.nextInt(3) != 0) { // one that nothing is thrown in shows what the others left
                if (before != null) {
                    Points.armToThrow(1, before, !first);
                } else {
                    Points.armToThrow(random.nextInt(1, random.nextInt(2) == 0 ? 20 : 80), null,
                            random.nextInt(2) == 0);
                }
            }
            try {
                subject.run(next);
            } catch (StackOverflowError e) {
                thrown++;
            } catch (Throwable e) {
                strange = "at a call in " + subject.operation(next) + " a StackOverflowError became " + describe(e);
            } finally {
                Points.disarm();
            }
        }
    }

    private void stopAtCall() throws Exception {
        if (before == null) {
            Points.armToStop(random.nextInt(1, 300), null);
        }
        for (int i = 0; i < 256; i++) {
            subject.run(order[i]);
        }
        Points.disarm();
    }

    private void fillHeap() {
        try {
            for (int size = 1 << 18; size >= 1; size >>= 6) {
                fill(size);
            }
            fillWithLinks();
            for (int i = 0; i < 32; i++) {
                int next = order[i];
                try {
                    subject.run(next);
                } catch (OutOfMemoryError e) {
                    thrown++;
                }
            }
        } catch (Exception e) {
            ballast[0] = null;
            strange = "with a full heap an operation threw " + describe(e);
        }
        ballast[0] = null;
    }

    /** Links so many longs, in arrays, until there is no room for more. The collector does not look into these. */
    private void fill(int size) {
        try {
            while (true) {
                Object[] link = new Object[2];
                link[0] = ballast[0];
                link[1] = new long[size];
                ballast[0] = link;
            }
        } catch (OutOfMemoryError e) {
            // as meant
        }
    }

    /** By the smallest there are, down to the last bytes. */
    private void fillWithLinks() {
        try {
            while (true) {
                Object[] link = new Object[1];
                link[0] = ballast[0];
                ballast[0] = link;
            }
        } catch (OutOfMemoryError e) {
            // as meant
        }
    }

    @SuppressWarnings("ReferenceEquality")
    private void explode() {
        List<Throwable> kinds = new ArrayList<>(List.of(new IllegalStateException("bomb"), new AssertionError("bomb"),
                new java.io.IOException("bomb"), new StackOverflowError("bomb"), new OutOfMemoryError("bomb"),
                new InterruptedException("bomb")));
        Throwable kind = kinds.get(random.nextInt(kinds.size()));
        subject.bomb = kind;
        subject.fuse = random.nextInt(4);
        for (int i = 0; i < 256 && subject.fuse >= 0; i++) {
            int next = order[i];
            try {
                subject.run(next);
            } catch (Throwable e) {
                if (e == kind) {
                    thrown++;
                } else {
                    strange = subject.operation(next) + " threw " + describe(e);
                }
            }
        }
    }
}
