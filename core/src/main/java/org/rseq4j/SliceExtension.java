// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.util.Objects;
import java.util.concurrent.Callable;
import org.rseq4j.internal.section.Section;
import org.rseq4j.internal.section.SectionStatistics;
import org.rseq4j.internal.thread.FirstUse;

/**
 * The scheduler time slice extension of Linux 7.0 and later: a thread in a short critical section asks not to be
 * scheduled out before its end.
 *
 * <pre>{@code
 * long section = SliceExtension.begin();
 * try {
 *     // a microsecond or less: no blocking, no system call, no allocation
 * } finally {
 *     SliceExtension.end(section);
 * }
 * }</pre>
 *
 * <p>
 * A request is a hint. When the thread's time is up inside the section, the kernel may let it run on for a few
 * microseconds (5 by default); {@code end} then gives the CPU back. Correctness never depends on it: the thread can be
 * scheduled out inside a section all the same. Any system call inside ends a grant.
 *
 * <p>
 * Put a section around an attempt and what follows when it succeeded, never around waiting: a waiter that keeps its
 * request is granted time that the preempted holder needs.
 *
 * <p>
 * Every method is safe whatever the caller does. A section that is ended twice, on another thread, after a virtual
 * thread moved to another carrier, or that never was one, has no effect. Sections nest: only the outermost one
 * requests, and a request that another library made on this thread is left alone. (The sections of a thread are
 * numbered by 20 bits: one that is ended again exactly a multiple of 2^20 sections later is taken for the current one,
 * which costs a hint and nothing else.)
 *
 * <p>
 * {@code end} in a {@code finally} leaves no request behind whatever is thrown. One exception: when the stack overflows
 * just there, while a part of the code is interpreted still, the request stands until the kernel next wants the CPU; it
 * clears the request as it grants it, once.
 *
 * <p>
 * Begin and end together cost two to four nanoseconds on a platform thread of an AMD EPYC, up to 15 on an Intel Xeon at
 * 2.5 GHz. Where the extension is not supported they cost a load each: what {@link #isSupported()} returns is constant
 * after start, and the JIT drops what it guards.
 *
 * <p>
 * <b>Happens-before:</b> a section orders nothing between threads; the lock or atomic inside it does.
 *
 * @since 0.1.0
 */
public final class SliceExtension {
    private static boolean initialized;

    private SliceExtension() {
    }

    private static void initialize() {
        FirstUse.prepare();
        Section.initialize();
        initialized = true;
    }

    /**
     * How sections of this process ended, those that were interrupted; the others are not counted, at no cost.
     *
     * @param yielded granted an extension, and ended within it
     * @param revoked granted an extension that was over when the section ended and gave it back
     * @param interrupted scheduled out inside: there was no grant, or it had been revoked before the section's end
     * @since 0.1.0
     */
    public record Statistics(long yielded, long revoked, long interrupted) {
    }

    /** {@return whether requests have an effect in this process; constant after start} */
    public static boolean isSupported() {
        if (!initialized) {
            initialize();
        }
        return Section.isSupported();
    }

    /**
     * Requests an extension for the running thread.
     *
     * @return the section, to be given to {@link #end(long)}; 0 when there is nothing to end: not supported, or the
     *             request is an outer section's
     */
    public static long begin() {
        return isSupported() ? Section.open() : 0;
    }

    /**
     * Ends a section: clears the request, and gives the CPU back when an extension was granted. No effect when the
     * section is not the one that is open on the running thread.
     *
     * @param section what {@link #begin()} returned
     */
    public static void end(long section) {
        if (isSupported()) {
            Section.close(section);
        }
    }

    /**
     * Asks again inside a section, after the thread was scheduled out; for instance after each failed try of a spin
     * lock. No effect when the request still stands, or the section is not the one that is open on the running thread.
     *
     * @param section what {@link #begin()} returned
     */
    public static void renew(long section) {
        if (isSupported()) {
            Section.renewOpen(section);
        }
    }

    /**
     * Runs an action inside a section; the request is cleared however it ends.
     *
     * @param action what to run
     * @throws NullPointerException before anything is requested, when the action is null
     */
    public static void run(Runnable action) {
        Objects.requireNonNull(action, "action");
        long section = begin();
        try {
            action.run();
        } finally {
            end(section);
        }
    }

    /**
     * Calls an action inside a section; the request is cleared however it ends.
     *
     * @param <V> the type of the result
     * @param action what to call
     * @return what the action returns
     * @throws NullPointerException before anything is requested, when the action is null
     * @throws Exception what the action throws
     */
    public static <V> V call(Callable<V> action) throws Exception {
        Objects.requireNonNull(action, "action");
        long section = begin();
        try {
            return action.call();
        } finally {
            end(section);
        }
    }

    /**
     * How interrupted sections of this process ended. A call in the first tenth of a second after the first
     * use of sections waits until their code is ready.
     *
     * @return the counts since the process started
     */
    public static Statistics statistics() {
        if (!initialized) {
            initialize();
        }
        SectionStatistics read = SectionStatistics.read();
        return new Statistics(read.yielded(), read.revoked(), read.interrupted());
    }
}
