// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Downcall;
import org.rseq4j.internal.linux.KernelFacts;
import org.rseq4j.internal.linux.NativeCalls;
import org.rseq4j.internal.linux.Scratch;

/** What the native library finds out about this process, by looking and by trying on a thread of its own. */
final class RegistrationTrial {
    /** {@code struct probe} of rseq4j.h. */
    record Probe(int featureSize, int libcSize, int cpus, int syscallError, String libc) {
        static final Probe NOTHING = new Probe(0, 0, 0, 0, "unknown");
    }

    /**
     * {@code struct trial} of rseq4j_registration.c.
     *
     * @param registration REGISTRATION_* of {@link Abi}, 0 when there is none
     * @param registrationError why not, or why the library's own is not the one
     * @param sliceError errno of the prctl, -1 when it was not tried
     * @param flags of the area
     */
    record Trial(int registration, int registrationError, int sliceError, int flags) {
        boolean registered() {
            return registration != 0;
        }

        boolean slice() {
            return sliceError == 0 && (flags & Abi.FLAG_SLICE_ENABLED) != 0;
        }

        /** Whether the next try may go better: the system had no room just now. */
        boolean failedForNow() {
            return !registered() && Downcall.isPassing(registrationError);
        }
    }

    private RegistrationTrial() {
    }

    static Probe probe() {
        try (var out = new Scratch()) {
            NativeCalls.probe(out.address);
            String libc = out.getString(64);
            return new Probe((int) out.getLong(0), (int) out.getLong(24), (int) out.getLong(48), (int) out.getLong(56),
                    libc.isEmpty() ? otherLibc() : libc);
        }
    }

    /** musl does not say what it is, but its loader's name does. */
    private static String otherLibc() {
        try (var lines = Files.lines(Path.of("/proc/self/maps"))) {
            return lines.anyMatch(line -> line.contains("/ld-musl-")) ? "musl" : "unknown";
        } catch (java.io.IOException | java.io.UncheckedIOException e) {
            return "unknown";
        }
    }

    /** The highest CPU number that can ever be online, plus one: "0-7", "0,2-63"; 0 when unknown. */
    static int possibleCpus() {
        String list = KernelFacts.firstLine(Path.of("/sys/devices/system/cpu/possible"));
        Matcher last = Pattern.compile("(\\d+)\\s*$").matcher(list == null ? "" : list);
        return last.find() ? Integer.parseInt(last.group(1)) + 1 : 0;
    }

    /** Registers a thread that has allocated before, and leaves nothing behind. */
    static Trial run(boolean libc, boolean own, boolean slice) {
        try (var trial = new Scratch()) {
            int error = Downcall.retry(() -> {
                trial.setInt(0, libc ? 1 : 0);
                trial.setInt(4, own ? 1 : 0);
                trial.setInt(8, slice ? 1 : 0);
                int noThread = NativeCalls.tryRegistration(trial.address);
                return noThread != 0 || trial.getInt(12) != 0 ? noThread : trial.getInt(16);
            });
            return trial.getInt(12) == 0
                    ? new Trial(0, error, -1, 0)
                    : new Trial(trial.getInt(12), trial.getInt(16), trial.getInt(20), trial.getInt(24));
        }
    }

    /** Says what threads may do from now on. */
    static void configure(boolean libc, boolean own, boolean slice) {
        int error = NativeCalls.configure(libc, own, slice);
        assert error == 0 : error;
    }
}
