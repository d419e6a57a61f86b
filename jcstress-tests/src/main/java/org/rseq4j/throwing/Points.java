// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The places before each call that the library makes: {@link PointsAgent} puts a call of {@link #here} there. A thread
 * can be made to throw at one of them, or to stop there as if it lost its CPU for long.
 */
public final class Points {
    private static final int SLEEP_MICROS = 2000;
    /** Once in so many points a thread sleeps, whoever it is; 0: never. */
    private static final int RARELY = Integer.getInteger("rseq4j.test.delays", 0);

    /** The thread that counts its points; null: nobody. */
    private static Thread victim;
    private static int remaining;
    private static boolean stops;
    private static boolean goesOn;
    /** How many frames there were at the first throw; no call from there, or from deeper, finds stack afterwards. */
    private static int bottom;
    private static volatile boolean stopped;
    private static volatile boolean released;

    private Points() {
    }

    /** Called before each call in the library. */
    public static void here() {
        if (RARELY > 0 && ThreadLocalRandom.current().nextInt(RARELY) == 0) {
            sleep();
        }
        if (victim != null && victim == Thread.currentThread()) {
            count();
        }
    }

    private static void count() {
        if (--remaining > 0) {
            return;
        }
        if (!stops) {
            overflow();
            return;
        }
        victim = null;
        stopped = true;
        while (!released) {
            sleep();
        }
        stopped = false;
    }

    private static void overflow() {
        Thread thread = victim;
        victim = null; // what is called here does not count
        int depth = Math.toIntExact(StackWalker.getInstance().walk(frames -> frames.count()));
        if (bottom == 0) {
            bottom = depth;
        }
        boolean throwing = depth >= bottom;
        victim = goesOn ? thread : null;
        if (throwing) {
            throw new StackOverflowError("made at a call");
        }
    }

    /**
     * The running thread throws at its n-th point from now.
     *
     * @param again also at all further ones that are as deep, until {@link #disarm}, as a thread that has no stack left
     *             there
     */
    static void armToThrow(int n, boolean again) {
        remaining = n;
        stops = false;
        goesOn = again;
        bottom = 0;
        victim = Thread.currentThread();
    }

    /** The running thread stops at its n-th point from now, until {@link #release}. */
    static void armToStop(int n) {
        remaining = n;
        stops = true;
        released = false;
        stopped = false;
        victim = Thread.currentThread();
    }

    /** True when the point was not reached. */
    static boolean disarm() {
        boolean armed = victim != null;
        victim = null;
        return armed;
    }

    static boolean isStopped() {
        return stopped;
    }

    static void release() {
        released = true;
    }

    /** In the system call: no park, which would take another's permit, and a virtual thread stays on its carrier. */
    private static void sleep() {
        try {
            int ignored = (int) Sleep.CALL.invokeExact(SLEEP_MICROS);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    @SuppressWarnings("restricted")
    private static final class Sleep {
        static final MethodHandle CALL = Linker.nativeLinker().downcallHandle(
                Linker.nativeLinker().defaultLookup().findOrThrow("usleep"),
                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
    }
}
