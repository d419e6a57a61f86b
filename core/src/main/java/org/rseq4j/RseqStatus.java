// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * What the library found on this machine, and why anything is missing.
 *
 * @param kernel the kernel's name and release
 * @param libc the C library and its version, or "unknown"
 * @param arch the machine, in Java's words ({@code os.arch})
 * @param registration whose rseq area the threads of this process use
 * @param registrationReason why the registration is {@link Registration#NONE}, else an empty string
 * @param mode how the kernel treats that registration
 * @param featureSize the bytes of struct rseq that the kernel knows (AT_RSEQ_FEATURE_SIZE), 0 when it does not say
 * @param cpuCount a constant bound above both ids
 * @param cpuId the CPU that the caller ran on
 * @param concurrencyId the concurrency ID that the caller had
 * @param nodeId the NUMA node that the caller ran on
 * @param threadsWithoutArea how many times a thread of this process got no rseq area although others have one; such a
 *             thread works by stripes and atomics
 * @param sliceExtension whether the time slice extension is on, or why it is not
 * @param advice one line: what the user can do about what is missing
 * @since 0.1.0
 */
public record RseqStatus(String kernel, String libc, String arch, Registration registration, String registrationReason,
        Mode mode, int featureSize, int cpuCount, int cpuId, int concurrencyId, int nodeId,
        long threadsWithoutArea, SliceState sliceExtension, String advice) {

    /**
     * Whose rseq area the threads use.
     *
     * @since 0.1.0
     */
    public enum Registration {
        /** The C library's, which registers each thread as it starts (glibc 2.35 and later). */
        LIBC,
        /** The library's own, registered on each thread at its first use. */
        OWN,
        /** None: ids are stripes chosen from the thread, and everything else works by atomics. */
        NONE
    }

    /**
     * How the kernel treats a registration; it goes by the registered length.
     *
     * @since 0.1.0
     */
    public enum Mode {
        /** 32 bytes: ids, restartable sequences, no time slice extension (but on early 7.0). */
        LEGACY,
        /** More than 32 bytes, Linux 7.0 and later: time slice extension possible. */
        V2,
        /** Not registered. */
        NONE
    }

    /**
     * Whether the time slice extension is on, or the reason why it is not, each with what to do about it.
     *
     * @since 0.1.0
     */
    public enum SliceState {
        /** Requests are made and granted. */
        ENABLED("enabled", "Nothing is missing."),
        /** {@code -Drseq4j.sliceExtension=off}. */
        OFF_BY_PROPERTY("switched off by -Drseq4j.sliceExtension=off",
                "Remove the property to let the library decide."),
        /**
         * The kernel lacks CONFIG_RSEQ_SLICE_EXTENSION: {@code prctl} gave EINVAL (before Linux 7.0), or 524 although
         * the registration is long enough.
         */
        KERNEL_LACKS_IT("the kernel has no time slice extension",
                "Ids and sequences work; for grants run Linux 7.2 or later, built with CONFIG_RSEQ_SLICE_EXTENSION=y (not on arm64)."),
        /** {@code prctl} gave 524, and the kernel was booted with {@code rseq_slice_ext=off}. */
        OFF_AT_BOOT("switched off at boot by rseq_slice_ext=off",
                "Ids and sequences work; for grants remove rseq_slice_ext=off from the kernel's command line."),
        /** {@code prctl} gave 524 because 32 bytes are registered. */
        LEGACY_REGISTRATION("the C library's registration is a legacy one, of 32 bytes",
                "Ids and sequences work; for grants use -Drseq4j.registration=auto or own, or glibc 2.41 or later."),
        /** {@code prctl} gave ENXIO: the thread has no area. */
        NOT_REGISTERED("no rseq area is registered", "See the reason of the registration."),
        /** The kernel checks rseq users, and would kill a JVM inside a section. */
        KERNEL_DEBUGS_RSEQ("off because the kernel debugs rseq, and kills a JVM that enters it inside a section",
                "Ids and sequences work; for grants boot with rseq_debug=0; -Drseq4j.sliceExtension=force overrides."),
        /** Linux 7.0, and 7.1 before 7.1.11: a granted extension could lock a CPU up for good. */
        KERNEL_MAY_LOCK_UP("off because this kernel may lock up a CPU that was granted an extension",
                "Ids and sequences work; for grants install Linux 7.2 or later, or 7.1.11; where a distribution's kernel has the fix, "
                        + "-Drseq4j.sliceExtension=force overrides."),
        /** {@code prctl} failed in a way that the library does not know. */
        REFUSED("refused by the kernel for a reason unknown to this version", "Report this."),
        /** {@code prctl} was blocked, most likely by a seccomp filter. */
        BLOCKED("the prctl is blocked, most likely by a seccomp filter",
                "Ids and sequences work; for grants allow prctl(PR_RSEQ_SLICE_EXTENSION) and rseq_slice_yield in the seccomp profile.");

        private final String text;
        private final String advice;

        SliceState(String text, String advice) {
            this.text = text;
            this.advice = advice;
        }

        /** {@return the state in words} */
        public String text() {
            return text;
        }

        /** {@return one line: what the user can do about it} */
        public String advice() {
            return advice;
        }
    }

    /** Checks that nothing is null. */
    public RseqStatus {
        Objects.requireNonNull(kernel, "kernel");
        Objects.requireNonNull(libc, "libc");
        Objects.requireNonNull(arch, "arch");
        Objects.requireNonNull(registration, "registration");
        Objects.requireNonNull(registrationReason, "registrationReason");
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(sliceExtension, "sliceExtension");
        Objects.requireNonNull(advice, "advice");
    }

    /** {@return the status as aligned lines for people} */
    @Override
    public String toString() {
        // No switch: its table of an enum's constants is a class that is initialized here.
        String area = registration == Registration.LIBC
                ? "the C library's"
                : registration == Registration.OWN ? "the library's own" : "none: " + registrationReason;
        String works = mode == Mode.LEGACY
                ? " (LEGACY: ids and sequences work)"
                : mode == Mode.V2 ? " (V2)" : "";
        Map<String, Object> lines = new LinkedHashMap<>();
        lines.put("kernel", kernel);
        lines.put("C library", libc);
        lines.put("machine", arch);
        lines.put("registration", area + works);
        lines.put("feature size", featureSize + " bytes");
        lines.put("CPUs", cpuCount);
        lines.put("CPU", cpuId);
        lines.put("concurrency ID", concurrencyId);
        lines.put("NUMA node", nodeId);
        if (threadsWithoutArea > 0) {
            lines.put("without area", threadsWithoutArea + (threadsWithoutArea == 1 ? " thread" : " threads"));
        }
        lines.put("slice extension", sliceExtension.text());
        lines.put("advice", advice);
        return lines.entrySet().stream().map(e -> String.format("%-16s%s", e.getKey(), e.getValue()))
                .collect(Collectors.joining("\n"));
    }

    /** {@return the status as one JSON object for programs; sliceExtension and advice are sentences} */
    public String toJson() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("kernel", kernel);
        fields.put("libc", libc);
        fields.put("arch", arch);
        fields.put("registration", registration.name());
        fields.put("registrationReason", registrationReason);
        fields.put("mode", mode.name());
        fields.put("featureSize", featureSize);
        fields.put("cpuCount", cpuCount);
        fields.put("cpuId", cpuId);
        fields.put("concurrencyId", concurrencyId);
        fields.put("nodeId", nodeId);
        fields.put("threadsWithoutArea", threadsWithoutArea);
        fields.put("sliceExtension", sliceExtension.name());
        fields.put("sliceExtensionReason", sliceExtension.text());
        fields.put("advice", advice);
        // Flat, and in a module without dependencies: not worth a JSON library.
        return fields.entrySet().stream()
                .map(e -> quote(e.getKey()) + ": " + (e.getValue() instanceof Number number
                        ? number.toString()
                        : quote(e.getValue().toString())))
                .collect(Collectors.joining(",\n  ", "{\n  ", "\n}"));
    }

    private static String quote(String text) {
        var quoted = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
