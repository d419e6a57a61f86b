// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import org.rseq4j.RseqStatus;
import org.rseq4j.RseqStatus.Mode;
import org.rseq4j.RseqStatus.SliceState;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.KernelFacts;
import org.rseq4j.internal.thread.RegistrationTrial.Probe;
import org.rseq4j.internal.thread.RegistrationTrial.Trial;

/**
 * Whose area the threads use and whether they request extensions: a function of what the user chose, what the kernel
 * says of itself, and what came out of trials.
 */
record RegistrationDecision(RegistrationDecision.Choice choice, RegistrationDecision.Slice slice, KernelFacts kernel,
        Probe probe, RegistrationDecision.Trials trials) {
    /** {@code rseq4j.registration}. */
    enum Choice {
        AUTO, LIBC, OWN, NONE
    }

    /** {@code rseq4j.sliceExtension}. */
    enum Slice {
        AUTO, OFF, FORCE
    }

    /** {@link RegistrationTrial#run}, or what a test says. */
    interface Trials {
        Trial run(boolean libc, boolean own, boolean slice);
    }

    /** What is decided. */
    record Outcome(RseqStatus.Registration registration, String reason, Mode mode, SliceState slice, String advice) {
        static Outcome none(String reason, String advice) {
            return new Outcome(RseqStatus.Registration.NONE, reason, Mode.NONE, SliceState.NOT_REGISTERED, advice);
        }
    }

    Outcome decide() {
        if (choice == Choice.NONE) {
            return Outcome.none("switched off by -Drseq4j.registration=none",
                    "Remove the property to let the library decide.");
        }
        SliceState veto = veto();
        if (choice != Choice.OWN) {
            Trial libc = trials.run(true, false, veto == null);
            if (libc.registered()) {
                return ofLibc(libc, veto);
            }
            if (choice == Choice.LIBC || libc.failedForNow()) {
                return notRegistered(libc.registrationError());
            }
        }
        Trial own = trials.run(false, true, veto == null);
        if (!own.registered()) {
            return notRegistered(own.registrationError());
        }
        boolean replaced = own.registration() == Abi.REGISTRATION_OWN;
        return outcome(replaced ? RseqStatus.Registration.OWN : RseqStatus.Registration.LIBC, own, veto, replaced);
    }

    private Outcome ofLibc(Trial libc, SliceState veto) {
        if (veto == null && choice == Choice.AUTO && libc.sliceError() == Abi.ENOTSUPP && probe.libcSize() <= 32
                && probe.featureSize() >= Abi.FEATURE_SIZE_SLICE) {
            // Perhaps only a longer registration is missing: only then is the C library's replaced.
            Trial own = trials.run(false, true, true);
            if (own.registration() == Abi.REGISTRATION_OWN && own.slice()) {
                return outcome(RseqStatus.Registration.OWN, own, null, true);
            }
            return outcome(RseqStatus.Registration.LIBC, own.registered() ? own : libc, null, true);
        }
        return outcome(RseqStatus.Registration.LIBC, libc, veto,
                probe.libcSize() > 32 || probe.featureSize() < Abi.FEATURE_SIZE_SLICE);
    }

    private Outcome outcome(RseqStatus.Registration registration, Trial trial, SliceState veto, boolean longEnough) {
        SliceState state = veto != null
                ? veto
                : trial.slice()
                        ? SliceState.ENABLED
                        : reason(trial.sliceError(), longEnough);
        String advice = state == SliceState.REFUSED
                ? "Report this: prctl gave errno " + trial.sliceError() + "."
                : state.advice();
        return new Outcome(registration, "", mode(registration), state, advice);
    }

    private Mode mode(RseqStatus.Registration registration) {
        boolean extended = registration == RseqStatus.Registration.OWN || probe.libcSize() > 32;
        return extended && probe.featureSize() >= Abi.FEATURE_SIZE_SLICE ? Mode.V2 : Mode.LEGACY;
    }

    /** The errors of rseq(2), each with its reason. */
    private Outcome notRegistered(int error) {
        if (probe.syscallError() == Abi.ENOSYS) {
            return Outcome.none(
                    "there is no rseq system call (ENOSYS): an old kernel, or a seccomp filter that hides it",
                    "Run Linux 4.18 or later, and allow rseq in the container's seccomp profile.");
        }
        if (probe.syscallError() == Abi.EPERM) {
            return Outcome.none("the rseq system call is forbidden (EPERM), most likely by a seccomp filter",
                    "Allow rseq in the container's seccomp profile.");
        }
        if (Downcall.isPassing(error)) {
            return Outcome.none(
                    "the system had no room for a thread that tries (errno " + error + "), five times in a row",
                    "Give the process room for one more thread (memory, pids limit), and start it again.");
        }
        return switch (error) {
            case Abi.EBUSY, Abi.EINVAL, Abi.EPERM -> Outcome.none(
                    "another library holds the threads' rseq areas (errno " + error + ")",
                    "Find the library that registers rseq by itself (an allocator such as TCMalloc?).");
            case Abi.ENXIO -> Outcome.none("the C library registered no rseq area",
                    "Remove glibc.pthread.rseq=0 from GLIBC_TUNABLES, or use -Drseq4j.registration=auto.");
            default -> Outcome.none("rseq registration failed with errno " + error, "Report this error.");
        };
    }

    private SliceState reason(int sliceError, boolean longEnough) {
        return switch (sliceError) {
            case Abi.EINVAL -> SliceState.KERNEL_LACKS_IT;
            // Linux 7 built without the extension says the same as one that was booted with it off.
            case Abi.ENOTSUPP -> kernel.sliceExtensionIsOffAtBoot()
                    ? SliceState.OFF_AT_BOOT
                    : longEnough ? SliceState.KERNEL_LACKS_IT : SliceState.LEGACY_REGISTRATION;
            case Abi.ENXIO, -1 -> SliceState.NOT_REGISTERED;
            case Abi.EPERM, Abi.ENOSYS -> SliceState.BLOCKED;
            default -> SliceState.REFUSED;
        };
    }

    /** Why the extension is not even asked for; null when it is. */
    private SliceState veto() {
        return switch (slice) {
            case OFF -> SliceState.OFF_BY_PROPERTY;
            case FORCE -> null;
            case AUTO -> kernel.debugsRseq()
                    ? SliceState.KERNEL_DEBUGS_RSEQ
                    : kernel.mayLockUp() ? SliceState.KERNEL_MAY_LOCK_UP : null;
        };
    }
}
