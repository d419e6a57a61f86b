// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.throwing;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The places before each call that the library makes, and before each store to a field: {@link PointsAgent} puts a call
 * of this class there. A thread can be made to throw at a call, or to stop at any of these places as if it lost its CPU
 * for long. With the property {@code rseq4j.test.delays=N} all threads sleep for 2 ms now and then: at each place when
 * it is reached for the first, second, fourth, eighth time and so on, and once in N times besides.
 */
public final class Points {
    private static final int SLEEP_MICROS = 2000;
    private static final String MADE = "made at a call";
    /** More than the library has. */
    static final int SITES = 1 << 15;
    /** At one in so many points a thread sleeps, whichever it is; 0: at none. */
    private static final int DELAY_ONE_IN = Integer.getInteger("rseq4j.test.delays", 0);
    /** How often each place was reached, and how often somebody slept there; by plain additions, so about. */
    private static final int[] REACHED = new int[SITES];
    private static final int[] SLEPT = new int[SITES];
    private static final AtomicInteger SITES_MADE = new AtomicInteger();

    /** The thread that counts its points; null: nobody. */
    private static Thread victim;
    private static int remaining;
    private static boolean stops;
    /** Where somebody stopped, or threw, before; null: it does not matter where. */
    private static boolean[] passed;
    private static boolean goesOn;
    /** How many frames there were at the first throw; no call from there, or from deeper, finds stack afterwards. */
    private static int bottom;
    private static volatile boolean stopped;
    private static volatile boolean released;

    private Points() {
    }

    /** What the agent needs before it changes classes. */
    static void start() {
        Sleep.CALL.type(); // initialized, as it cannot be everywhere
        if (DELAY_ONE_IN > 0) {
            Runtime.getRuntime().addShutdownHook(new Thread(Points::report));
        }
    }

    private static void report() {
        int sites = SITES_MADE.get();
        System.out.printf("points: %d in the classes that were loaded, %d of them reached, %d sleeps of %d us%n", sites,
                Arrays.stream(REACHED).filter(times -> times > 0).count(), Arrays.stream(SLEPT).asLongStream().sum(),
                SLEEP_MICROS);
    }

    static int newSite() {
        int site = SITES_MADE.getAndIncrement();
        if (site >= SITES) {
            throw new IllegalStateException("the library has more than " + SITES + " places");
        }
        return site;
    }

    /**
     * Called before each call in the library.
     *
     * @param site which call
     */
    public static void beforeCall(int site) {
        delay(site);
        if (victim != null && victim == Thread.currentThread()) {
            count(site);
        }
    }

    /**
     * Called before each store to a field of the library: nothing is thrown here, as a store throws nothing.
     *
     * @param site which store
     */
    public static void beforeStore(int site) {
        delay(site);
        if (stops && victim != null && victim == Thread.currentThread()) {
            count(site);
        }
    }

    /** Called by a thread that has made sure of its stack: it does not overflow in the rest of the operation. */
    public static void reserved() {
        if (!stops && victim != null && victim == Thread.currentThread()) {
            victim = null;
        }
    }

    private static void delay(int site) {
        if (DELAY_ONE_IN == 0) {
            return;
        }
        int times = ++REACHED[site];
        if ((times & times - 1) == 0 || ThreadLocalRandom.current().nextInt(DELAY_ONE_IN) == 0) {
            SLEPT[site]++;
            sleep();
        }
    }

    private static void count(int site) {
        if (--remaining > 0 || bottom == 0 && passed != null && passed[site]) {
            return;
        }
        if (bottom == 0 && passed != null) {
            passed[site] = true;
        }
        if (stops) {
            stop();
        } else {
            overflow();
        }
    }

    private static void stop() {
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
            throw new StackOverflowError(MADE);
        }
    }

    /** Whether the error was thrown at a point. */
    static boolean isMade(StackOverflowError e) {
        return MADE.equals(e.getMessage());
    }

    /**
     * The running thread throws at its n-th point from now.
     *
     * @param before null; or from the n-th on at the first one that is not among these, which it joins
     * @param again also at all further ones that are as deep, until {@link #disarm}, as a thread that has no stack left
     *             there
     */
    static void armToThrow(int n, boolean[] before, boolean again) {
        remaining = n;
        passed = before;
        stops = false;
        goesOn = again;
        bottom = 0;
        victim = Thread.currentThread();
    }

    /**
     * The running thread stops until {@link #release}.
     *
     * @param n at its n-th point from now
     * @param before null; or from the n-th on at the first one that is not among these, which it joins
     */
    static void armToStop(int n, boolean[] before) {
        remaining = n;
        passed = before;
        bottom = 0;
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
