// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.util.List;
import java.util.Locale;
import java.util.ServiceConfigurationError;
import org.rseq4j.RseqStatus;
import org.rseq4j.RseqStatus.SliceState;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.KernelFacts;
import org.rseq4j.internal.linux.NativeLibrary;
import org.rseq4j.internal.thread.RegistrationDecision.Choice;
import org.rseq4j.internal.thread.RegistrationDecision.Outcome;
import org.rseq4j.internal.thread.RegistrationDecision.Slice;
import org.rseq4j.internal.thread.RegistrationTrial.Probe;

/**
 * What was decided once for the process, at first use: whose rseq area its threads use and whether they request
 * extensions. By trials on threads of their own, never by the kernel's version alone, so that a thread's failure later
 * does not turn the process's answer wrong.
 */
public final class Registration {
    /** Threads have areas. Constant, as all of these, so that the JIT drops what it guards. */
    public static final boolean ACTIVE;
    /** Sections write requests. */
    public static final boolean SLICE;
    /** Sections write requests that no kernel heeds, for benchmarks of their cost. */
    static final boolean SIMULATED = Boolean.getBoolean("rseq4j.benchmark.simulateRequests");
    /** The area has node_id and mm_cid. */
    public static final boolean HAS_CONCURRENCY_ID;
    /** Above both ids. */
    public static final int CPU_COUNT;

    private static final Outcome OUTCOME;
    private static final Probe PROBE;

    static {
        Choice choice = property("rseq4j.registration", Choice.class);
        Slice slice = property("rseq4j.sliceExtension", Slice.class);
        Probe probe = Probe.NOTHING;
        Outcome outcome;
        if (!NativeLibrary.isAvailable()) {
            outcome = Outcome.none(NativeLibrary.PROBLEM.reason(), NativeLibrary.PROBLEM.advice());
        } else {
            probe = RegistrationTrial.probe();
            outcome = new RegistrationDecision(choice, slice, KernelFacts.ofThisMachine(), probe,
                    RegistrationTrial::run).decide();
        }
        PROBE = probe;
        OUTCOME = outcome;
        ACTIVE = outcome.registration() != RseqStatus.Registration.NONE;
        boolean enabled = outcome.slice() == SliceState.ENABLED;
        SLICE = ACTIVE && (enabled || SIMULATED);
        HAS_CONCURRENCY_ID = probe.featureSize() >= Abi.FEATURE_SIZE_IDS;
        // The same however threads are registered, for files that are read with another registration.
        CPU_COUNT = Math.max(Math.max(1, RegistrationTrial.possibleCpus()),
                Math.max(probe.cpus(), Runtime.getRuntime().availableProcessors()));
        if (ACTIVE) {
            RegistrationTrial.configure(outcome.registration() == RseqStatus.Registration.LIBC, choice != Choice.LIBC,
                    enabled);
        }
        ThreadEvents.started(status(0, 0, 0).toJson());
    }

    private Registration() {
    }

    /** The status, with the ids that the caller has now. */
    public static RseqStatus status(int cpuId, int concurrencyId, int nodeId) {
        long[] records = ACTIVE ? ThreadArea.records() : new long[4];
        return new RseqStatus(System.getProperty("os.name") + " " + System.getProperty("os.version"), PROBE.libc(),
                System.getProperty("os.arch"), OUTCOME.registration(), OUTCOME.reason(), OUTCOME.mode(),
                PROBE.featureSize(), CPU_COUNT, cpuId, concurrencyId, nodeId, records[2], OUTCOME.slice(),
                records[2] == 0 ? OUTCOME.advice() : withoutArea(records[2], (int) records[3]));
    }

    private static String withoutArea(long threads, int error) {
        return threads + (threads == 1 ? " thread has" : " threads have") + " no rseq area (errno " + error
                + ", most likely another library's registration), and work by stripes and atomics. " + OUTCOME.advice();
    }

    private static <E extends Enum<E>> E property(String name, Class<E> type) {
        E[] values = type.getEnumConstants();
        String value = System.getProperty(name);
        if (value == null) {
            return values[0];
        }
        for (E candidate : values) {
            if (candidate.name().toLowerCase(Locale.ROOT).equals(value)) {
                return candidate;
            }
        }
        // An Error, so that it leaves the initialiser as it is, with its message.
        throw new ServiceConfigurationError(name + "=" + value + " is not one of "
                + List.of(values).toString().toLowerCase(Locale.ROOT));
    }
}
