package org.rseq4j.internal;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.ServiceConfigurationError;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.rseq4j.RseqStatus;
import org.rseq4j.RseqStatus.Mode;
import org.rseq4j.RseqStatus.SliceState;

/**
 * Decides once for the process, at first use, whose rseq area its threads use and whether they request extensions; by
 * trials on threads of their own, never by the kernel's version, so that a thread's failure later does not turn the
 * process's answer wrong.
 */
public final class Registration {
    /** {@code rseq4j.registration}. */
    private enum Choice {
        AUTO, LIBC, OWN, NONE
    }

    /** {@code rseq4j.sliceExtension}. */
    private enum Slice {
        AUTO, OFF, FORCE
    }

    /** Threads have areas. Constant, as all of these, so that the JIT drops what it guards. */
    static final boolean ACTIVE;
    /** Sections write requests. */
    static final boolean SLICE;
    /** Sections write requests that no kernel heeds, for benchmarks of their cost. */
    static final boolean SIMULATED = Boolean.getBoolean("rseq4j.benchmark.simulateRequests");
    /** The area has node_id and mm_cid. */
    static final boolean HAS_CONCURRENCY_ID;
    /** Above both ids. */
    static final int CPU_COUNT;

    private static final RseqStatus.Registration REGISTRATION;
    private static final String REASON;
    private static final Mode MODE;
    private static final SliceState SLICE_STATE;
    private static final String ADVICE;
    private static final Probe PROBE;

    /** {@code struct probe} of rseq4j.h. */
    private record Probe(int featureSize, int libcSize, boolean libcKnown, boolean libcRegistered, int cpus,
            int syscallError, String libc) {
        static final Probe NOTHING = new Probe(0, 0, false, false, 0, 0, "unknown");
    }

    /** {@code struct trial} of rseq4j.c. */
    private record Trial(int registration, int registrationError, int sliceError, int flags) {
        boolean registered() {
            return registration != 0;
        }

        boolean slice() {
            return sliceError == 0 && (flags & Abi.FLAG_SLICE_ENABLED) != 0;
        }
    }

    /** What came out of the trials. */
    private record Outcome(RseqStatus.Registration registration, String reason, SliceState slice, String advice) {
        static Outcome none(String reason, String advice) {
            return new Outcome(RseqStatus.Registration.NONE, reason, SliceState.NOT_REGISTERED, advice);
        }

        static Outcome of(RseqStatus.Registration registration, SliceState slice) {
            return new Outcome(registration, "", slice, slice.advice());
        }

        /** With what prctl gave, for the one state whose name does not say it. */
        Outcome after(int sliceError) {
            return slice == SliceState.REFUSED
                    ? new Outcome(registration, reason, slice, "Report this: prctl gave errno " + sliceError + ".")
                    : this;
        }
    }

    static {
        Choice choice = property("rseq4j.registration", Choice.class);
        Slice wanted = property("rseq4j.sliceExtension", Slice.class);
        Probe probe = Probe.NOTHING;
        Outcome outcome;
        if (!NativeLibrary.isAvailable()) {
            outcome = Outcome.none(NativeLibrary.PROBLEM.reason(), NativeLibrary.PROBLEM.advice());
        } else {
            probe = probe();
            outcome = decide(choice, wanted, probe);
        }
        PROBE = probe;
        REGISTRATION = outcome.registration;
        REASON = outcome.reason;
        SLICE_STATE = outcome.slice;
        ADVICE = outcome.advice;
        ACTIVE = REGISTRATION != RseqStatus.Registration.NONE;
        boolean enabled = outcome.slice == SliceState.ENABLED;
        SLICE = ACTIVE && (enabled || SIMULATED);
        HAS_CONCURRENCY_ID = probe.featureSize >= Abi.FEATURE_SIZE_IDS;
        MODE = mode(REGISTRATION, probe);
        // The same however threads are registered, for files that are read with another registration.
        CPU_COUNT = Math.max(Math.max(1, possibleCpus()),
                Math.max(probe.cpus, Runtime.getRuntime().availableProcessors()));
        if (ACTIVE) {
            configure(REGISTRATION == RseqStatus.Registration.LIBC, choice != Choice.LIBC, enabled);
        }
        SectionEvents.started(status(0, 0, 0).toJson());
        if (SLICE && !"false".equals(System.getProperty("rseq4j.debug.training"))) {
            SectionTraining.start(); // off the user's path
        }
    }

    private Registration() {
    }

    /** The status, with the ids that the caller has now. */
    public static RseqStatus status(int cpuId, int concurrencyId, int nodeId) {
        return new RseqStatus(System.getProperty("os.name") + " " + System.getProperty("os.version"), PROBE.libc,
                System.getProperty("os.arch"), REGISTRATION, REASON, MODE, PROBE.featureSize, CPU_COUNT, cpuId,
                concurrencyId, nodeId, SLICE_STATE, ADVICE);
    }

    /** A constant bound above both ids. */
    public static int cpuCount() {
        return CPU_COUNT;
    }

    /** True when threads have areas. */
    public static boolean isActive() {
        return ACTIVE;
    }

    private static Outcome decide(Choice choice, Slice wanted, Probe probe) {
        SliceState veto = veto(wanted);
        boolean ask = veto == null;
        if (choice != Choice.OWN) {
            Trial libc = trial(true, false, ask);
            if (libc.registered()) {
                if (!ask || libc.slice()) {
                    return Outcome.of(RseqStatus.Registration.LIBC, ask ? SliceState.ENABLED : veto);
                }
                if (choice == Choice.AUTO && libc.sliceError == Abi.ENOTSUPP && probe.libcSize <= 32
                        && probe.featureSize >= Abi.FEATURE_SIZE_SLICE) {
                    // Perhaps only a longer registration is missing: only then is the C library's replaced.
                    Trial own = trial(false, true, true);
                    if (own.registration == Abi.REGISTRATION_OWN && own.slice()) {
                        return Outcome.of(RseqStatus.Registration.OWN, SliceState.ENABLED);
                    }
                    return Outcome.of(RseqStatus.Registration.LIBC, reason(own.sliceError, true)).after(own.sliceError);
                }
                return Outcome.of(RseqStatus.Registration.LIBC,
                        reason(libc.sliceError, probe.libcSize > 32 || probe.featureSize < Abi.FEATURE_SIZE_SLICE))
                        .after(libc.sliceError);
            }
            if (choice == Choice.LIBC) {
                return notRegistered(probe, Abi.ENXIO, "the C library registered no rseq area");
            }
        }
        Trial own = trial(false, true, ask);
        if (!own.registered()) {
            return notRegistered(probe, own.registrationError, "another library holds the thread's rseq area");
        }
        if (own.registration != Abi.REGISTRATION_OWN) {
            return Outcome.of(RseqStatus.Registration.LIBC, ask ? reason(own.sliceError, false) : veto)
                    .after(own.sliceError);
        }
        return Outcome.of(RseqStatus.Registration.OWN,
                ask ? own.slice() ? SliceState.ENABLED : reason(own.sliceError, true) : veto).after(own.sliceError);
    }

    /** The errors of rseq(2), each with its reason. */
    private static Outcome notRegistered(Probe probe, int error, String otherwise) {
        if (probe.syscallError == Abi.ENOSYS) {
            return Outcome.none(
                    "there is no rseq system call (ENOSYS): an old kernel, or a seccomp filter that hides it",
                    "Run Linux 4.18 or later, and allow rseq in the container's seccomp profile.");
        }
        if (probe.syscallError == Abi.EPERM) {
            return Outcome.none("the rseq system call is forbidden (EPERM), most likely by a seccomp filter",
                    "Allow rseq in the container's seccomp profile.");
        }
        return switch (error) {
            case Abi.EBUSY, Abi.EINVAL,
                    Abi.EPERM ->
                Outcome.none("another library holds the threads' rseq areas (errno "
                        + error + ")",
                        "Find the library that registers rseq by itself (an allocator such as TCMalloc?).");
            case Abi.ENXIO -> Outcome.none(otherwise,
                    "Remove glibc.pthread.rseq=0 from GLIBC_TUNABLES, or use -Drseq4j.registration=auto.");
            default -> Outcome.none("rseq registration failed with errno " + error, "Report this error.");
        };
    }

    private static SliceState reason(int sliceError, boolean longEnough) {
        return switch (sliceError) {
            case Abi.EINVAL -> SliceState.KERNEL_LACKS_IT;
            // Linux 7 built without the extension says the same as one that was booted with it off.
            case Abi.ENOTSUPP -> bootedWith("rseq_slice_ext", "off", "0", "n", "no")
                    ? SliceState.OFF_AT_BOOT
                    : longEnough ? SliceState.KERNEL_LACKS_IT : SliceState.LEGACY_REGISTRATION;
            case Abi.ENXIO, -1 -> SliceState.NOT_REGISTERED;
            case Abi.EPERM, Abi.ENOSYS -> SliceState.BLOCKED;
            default -> SliceState.REFUSED;
        };
    }

    /** Why the extension is not even asked for; null when it is. */
    private static SliceState veto(Slice wanted) {
        return switch (wanted) {
            case OFF -> SliceState.OFF_BY_PROPERTY;
            case FORCE -> null;
            case AUTO -> kernelDebugsRseq()
                    ? SliceState.KERNEL_DEBUGS_RSEQ
                    : System.getProperty("os.version", "").matches("7\\.[01]([.-].*)?")
                            ? SliceState.KERNEL_MAY_LOCK_UP
                            : null;
        };
    }

    private static Mode mode(RseqStatus.Registration registration, Probe probe) {
        boolean v2 = probe.featureSize >= Abi.FEATURE_SIZE_SLICE;
        return switch (registration) {
            case LIBC -> v2 && probe.libcSize > 32 ? Mode.V2 : Mode.LEGACY;
            case OWN -> v2 ? Mode.V2 : Mode.LEGACY;
            case NONE -> Mode.NONE;
        };
    }

    // ---- What the kernel says of itself ----

    /**
     * With rseq debugging the kernel kills a thread that enters it with a request still set, after an earlier grant
     * was revoked; a JVM enters the kernel when it wants.
     */
    private static boolean kernelDebugsRseq() {
        if (bootedWith("rseq_debug", "1", "on", "y", "yes")) {
            return true;
        }
        String now = firstLine(Path.of("/sys/kernel/debug/rseq/debug"));
        if (now != null) {
            return now.startsWith("1") || now.startsWith("Y");
        }
        return !bootedWith("rseq_debug", "0", "off", "n", "no") && configuredWith("CONFIG_RSEQ_DEBUG_DEFAULT_ENABLE=y");
    }

    private static boolean bootedWith(String parameter, String... values) {
        String line = firstLine(Path.of("/proc/cmdline"));
        if (line == null) {
            return false;
        }
        for (String word : line.trim().split("\\s+", -1)) {
            for (String value : values) {
                if (word.toLowerCase(Locale.ROOT).equals(parameter + "=" + value)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean configuredWith(String line) {
        try {
            Path packed = Path.of("/proc/config.gz");
            if (Files.isReadable(packed)) {
                try (InputStream in = new GZIPInputStream(Files.newInputStream(packed));
                        var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
                    return reader.lines().anyMatch(line::equals);
                }
            }
            Path plain = Path.of("/boot/config-" + System.getProperty("os.version"));
            if (Files.isReadable(plain)) {
                try (var lines = Files.lines(plain, StandardCharsets.UTF_8)) {
                    return lines.anyMatch(line::equals);
                }
            }
        } catch (IOException | UncheckedIOException e) {
            return false; // unreadable is as good as absent
        }
        return false;
    }

    private static String firstLine(Path file) {
        try (var reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
            return reader.readLine();
        } catch (IOException | UncheckedIOException e) {
            return null;
        }
    }

    // ---- What the native side finds ----

    private static Probe probe() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(96, 8);
            NativeLibrary.plain("probe", NativeLibrary.POINTER).invokeExact(out);
            String libc = out.getString(64);
            return new Probe((int) out.get(ValueLayout.JAVA_LONG, 0), (int) out.get(ValueLayout.JAVA_LONG, 24),
                    out.get(ValueLayout.JAVA_LONG, 32) != 0, out.get(ValueLayout.JAVA_LONG, 40) >= 0,
                    Math.max((int) out.get(ValueLayout.JAVA_LONG, 48), possibleCpus()),
                    (int) out.get(ValueLayout.JAVA_LONG, 56), libc.isEmpty() ? "unknown" : libc);
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    /** The highest CPU number that can ever be online, plus one: "0-7", "0,2-63"; 0 when unknown. */
    private static int possibleCpus() {
        String list = firstLine(Path.of("/sys/devices/system/cpu/possible"));
        Matcher last = Pattern.compile("(\\d+)\\s*$").matcher(list == null ? "" : list);
        return last.find() ? Integer.parseInt(last.group(1)) + 1 : 0;
    }

    private static Trial trial(boolean libc, boolean own, boolean slice) {
        MethodHandle call = NativeLibrary.plain("try", NativeLibrary.POINTER_RETURNS_INT);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment trial = arena.allocate(28, 4);
            trial.set(ValueLayout.JAVA_INT, 0, libc ? 1 : 0);
            trial.set(ValueLayout.JAVA_INT, 4, own ? 1 : 0);
            trial.set(ValueLayout.JAVA_INT, 8, slice ? 1 : 0);
            int error = (int) call.invokeExact(trial);
            if (error != 0) {
                return new Trial(0, error, -1, 0);
            }
            return new Trial(trial.get(ValueLayout.JAVA_INT, 12), trial.get(ValueLayout.JAVA_INT, 16),
                    trial.get(ValueLayout.JAVA_INT, 20), trial.get(ValueLayout.JAVA_INT, 24));
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
    }

    private static void configure(boolean libc, boolean own, boolean slice) {
        MethodHandle call = NativeLibrary.plain("configure",
                java.lang.foreign.FunctionDescriptor.of(ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));
        try {
            int error = (int) call.invokeExact(libc ? 1 : 0, own ? 1 : 0, slice ? 1 : 0);
            assert error == 0 : error;
        } catch (Throwable e) {
            throw Downcall.failed(e);
        }
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
