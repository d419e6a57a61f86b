// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jdk.jfr.consumer.RecordedEvent;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the library says where the platform is lacking, each in a JVM of its own; run once, not in every set-up. */
@org.junit.jupiter.api.Tag("platform")
class PlatformTest {
    private static final Path DENY = Path.of(System.getProperty("rseq4j.test.deny", "target/deny"));
    private static final Path OWNER = Path.of(System.getProperty("rseq4j.test.owner", "target/libowner.so"));

    private static final String DOCTOR = "org.rseq4j.internal.Doctor";

    /** For a JVM that lives for a moment. */
    private static final List<String> QUICK_START = List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
    /** A test's class path, without what surefire or the launcher put there. */
    private static final String PATH = System.getProperty("rseq4j.test.path",
            target() + "/classes:" + target() + "/test-classes");
    private static final boolean HAS_RSEQ = hasRseq();

    private record Answer(int status, String text) {
        void says(String... parts) {
            assertEquals(0, status, text);
            for (String part : parts) {
                assertTrue(text.contains(part), () -> part + " is not in:\n" + text);
            }
        }
    }

    private static Answer doctor(Map<String, String> environment, List<String> prefix, String... jvm)
            throws IOException, InterruptedException {
        List<String> arguments = new ArrayList<>(QUICK_START);
        arguments.addAll(List.of(jvm));
        return java(environment, prefix, arguments, DOCTOR, "--json");
    }

    private static Answer java(Map<String, String> environment, List<String> prefix, List<String> jvm,
            String... program)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(prefix);
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvm);
        command.addAll(List.of("-cp", PATH));
        command.addAll(List.of(program));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().remove("GLIBC_TUNABLES");
        builder.environment().putAll(environment);
        Process process = builder.start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Answer(process.waitFor(), text);
    }

    private static String target() {
        return Path.of("").toAbsolutePath().endsWith("core") ? "target" : "core/target";
    }

    private static Answer doctor(String... jvm) throws IOException, InterruptedException {
        return doctor(Map.of(), List.of(), jvm);
    }

    private static void needsRseq() {
        assumeTrue(HAS_RSEQ, "needs rseq");
    }

    private static boolean hasRseq() {
        try {
            return Files.exists(Path.of("/proc/self"))
                    && !doctor("--enable-native-access=ALL-UNNAMED").text().contains("ENOSYS");
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void registrationNoneTouchesNothing() throws Exception {
        doctor("-Drseq4j.registration=none").says("\"registration\": \"NONE\"", "-Drseq4j.registration=none");
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24)
    void deniedNativeAccessIsSaidWithTheOption() throws Exception {
        doctor("--illegal-native-access=deny").says("\"registration\": \"NONE\"", "native access is denied",
                "--enable-native-access");
    }

    @Test
    void anotherSystemIsSaid() throws Exception {
        doctor("-Dos.name=Mac OS X").says("\"registration\": \"NONE\"", "not Linux: Mac OS X");
    }

    @Test
    void anotherMachineIsSaid() throws Exception {
        doctor("-Dos.arch=riscv64").says("\"registration\": \"NONE\"", "no native library for this machine: riscv64");
    }

    @Test
    void anUnknownPropertyValueIsOneClearError() throws Exception {
        for (String property : List.of("rseq4j.registration", "rseq4j.sliceExtension")) {
            Answer answer = doctor("-D" + property + "=maybe");
            assertNotEquals(0, answer.status);
            assertTrue(answer.text.contains(property + "=maybe is not one of [auto, "), answer.text);
        }
    }

    @Test
    void withoutTheCLibrarysRegistrationTheLibraryRegisters() throws Exception {
        needsRseq();
        doctor(Map.of("GLIBC_TUNABLES", "glibc.pthread.rseq=0"), List.of(), "--enable-native-access=ALL-UNNAMED")
                .says("\"registration\": \"OWN\"");
    }

    @Test
    void onlyTheCLibrarysRegistrationMayBeAskedFor() throws Exception {
        needsRseq();
        doctor(Map.of("GLIBC_TUNABLES", "glibc.pthread.rseq=0"), List.of(), "--enable-native-access=ALL-UNNAMED",
                "-Drseq4j.registration=libc")
                .says("\"registration\": \"NONE\"", "the C library registered no rseq area");
    }

    @Test
    void theExtensionCanBeSwitchedOff() throws Exception {
        needsRseq();
        doctor("--enable-native-access=ALL-UNNAMED", "-Drseq4j.sliceExtension=off").says("OFF_BY_PROPERTY");
    }

    @Test
    void aBlockedSystemCallIsSaidWithItsError() throws Exception {
        needsRseq();
        assumeTrue(Files.exists(DENY), "needs the test's seccomp program");
        doctor(Map.of(), List.of(DENY.toString(), "rseq", "38"), "--enable-native-access=ALL-UNNAMED")
                .says("\"registration\": \"NONE\"", "ENOSYS", "seccomp");
        doctor(Map.of(), List.of(DENY.toString(), "rseq", "1"), "--enable-native-access=ALL-UNNAMED")
                .says("\"registration\": \"NONE\"", "EPERM", "seccomp");
    }

    /** Each error of prctl(PR_RSEQ_SLICE_EXTENSION) has a state of its own; 524 is in the test kernel's tests. */
    @ParameterizedTest
    @CsvSource({"1,BLOCKED", "38,BLOCKED", "22,KERNEL_LACKS_IT", "6,NOT_REGISTERED", "5,REFUSED"})
    void whatPrctlGaveIsSaid(int error, String state) throws Exception {
        needsRseq();
        assumeTrue(Files.exists(DENY), "needs the test's seccomp program");
        Answer answer = doctor(Map.of(), List.of(DENY.toString(), "prctl", "" + error),
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.sliceExtension=force");
        answer.says("\"sliceExtension\": \"" + state + "\"");
        if (state.equals("REFUSED")) {
            answer.says("errno 5");
        }
    }

    @ParameterizedTest
    @CsvSource({"7.0.12,true", "7.1.10,true", "7.1.11,false", "7.2.0,false"})
    void aKernelThatCouldLockUpIsNotAskedUnlessForced(String release, boolean lockup) throws Exception {
        needsRseq();
        String[] jvm = {"--enable-native-access=ALL-UNNAMED", "-Dos.version=" + release};
        assertEquals(lockup, doctor(jvm).text.contains("KERNEL_MAY_LOCK_UP"));
        if (lockup) {
            Answer forced = doctor("--enable-native-access=ALL-UNNAMED", "-Dos.version=" + release,
                    "-Drseq4j.sliceExtension=force");
            forced.says("\"registration\"");
            assertFalse(forced.text.contains("KERNEL_MAY_LOCK_UP"), forced.text);
        }
    }

    /** What a program does without a fence is in {@link WithoutFence}. */
    @ParameterizedTest
    @ValueSource(ints = {1, 22})
    void aRefusedFenceIsSaidAndNothingElseSuffers(int error) throws Exception {
        needsRseq();
        assumeTrue(Files.exists(DENY), "needs the test's seccomp program");
        java(Map.of(), List.of(DENY.toString(), "membarrier", "" + error),
                List.of("--enable-native-access=ALL-UNNAMED"), WithoutFence.class.getName())
                .says("membarrier failed with errno " + error, "stack is whole: true");
    }

    /** As after a restore from a checkpoint. What a program does is in {@link Fences}. */
    @Test
    void whatTheProcessRegisteredForIsRegisteredForAgain() throws Exception {
        needsRseq();
        java(Map.of("FORGET_MEMBARRIER", "1", "LD_PRELOAD", preloaded("libfailing.so")), List.of(),
                List.of("--enable-native-access=ALL-UNNAMED"), Fences.class.getName()).says("fences, drained 42");
    }

    @Test
    void theFlightRecorderIsToldTheStatusAtStart(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("doctor.jfr");
        doctor("--enable-native-access=ALL-UNNAMED", "-XX:StartFlightRecording:filename=" + file)
                .says("\"registration\"");
        List<RecordedEvent> events = RecordingFile.readAllEvents(file).stream()
                .filter(event -> event.getEventType().getName().startsWith("org.rseq4j.")).toList();
        assertEquals(1, events.size(), events::toString);
        assertEquals("org.rseq4j.Status", events.get(0).getEventType().getName());
        assertTrue(events.get(0).getString("status").contains("\"sliceExtension\""));
    }

    /** See {@link org.rseq4j.internal.section.FirstGrant}; without training it is thrown away, so this can fail. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void theFirstGrantThrowsNoCompiledCodeAway(boolean training) throws Exception {
        needsRseq();
        Answer answer = java(Map.of(), List.of(),
                // The compiler is waited for, so that a busy machine changes nothing.
                List.of("--enable-native-access=ALL-UNNAMED", "-XX:-BackgroundCompilation",
                        "-Drseq4j.benchmark.simulateRequests=true",
                        "-Drseq4j.debug.training=" + training),
                "org.rseq4j.internal.section.FirstGrant");
        assertEquals(0, answer.status, answer.text);
        assertTrue(answer.text.contains("deoptimised: "), answer.text);
        assertEquals(training, answer.text.contains("deoptimised: 0\n"), answer.text);
        assertTrue(answer.text.contains("revoked=50, interrupted=50"), answer.text);
    }

    /**
     * See {@link org.rseq4j.internal.section.Overflow}. While methods are interpreted in part and compiled in part, a
     * request may be left: the kernel takes that one back, which GrantsTest shows.
     */
    @ParameterizedTest
    @CsvSource({"-Xint, 200, left: 0", "-XX:TieredStopAtLevel=1, 2000, when warm: 0",
            "-XX:+TieredCompilation, 2000, when warm: 0"})
    void anOverflowOfTheStackLeavesNoRequestBehind(String mode, int rounds, String expected) throws Exception {
        needsRseq();
        Answer answer = java(Map.of(), List.of(),
                // The compiler is waited for: on a busy machine nothing would be warm after half of the rounds.
                List.of("--enable-native-access=ALL-UNNAMED", mode, "-XX:-BackgroundCompilation",
                        "-Drseq4j.benchmark.simulateRequests=true", "-Drounds=" + rounds),
                "org.rseq4j.internal.section.Overflow");
        answer.says("checked: " + rounds + " errors");
        assertEquals(2, answer.text.lines().filter(line -> line.contains(expected)).count(), answer.text);
    }

    /** See {@link org.rseq4j.internal.thread.CarrierLookups}. Java 21 needs no option for it. */
    @Test
    @EnabledForJreRange(min = JRE.JAVA_21)
    void aVirtualThreadGetsTheRecordOfItsCarrierAlthoughOthersHoldTheTable() throws Exception {
        needsRseq();
        String export = "--add-exports=java.base/jdk.internal.access=ALL-UNNAMED";
        java(Map.of(), List.of(),
                List.of("--enable-native-access=ALL-UNNAMED",
                        Runtime.version().feature() < 22 ? "-Dexport=none" : export,
                        "-Djdk.virtualThreadScheduler.parallelism=256", "-Djdk.virtualThreadScheduler.maxPoolSize=256"),
                "org.rseq4j.internal.thread.CarrierLookups").says("100000 look-ups, wrong: 0\n");
    }

    /** A forked child has a copy of its parent's area, and of a request in it, until it executes another program. */
    @ParameterizedTest
    @ValueSource(strings = {"FORK", "VFORK", "POSIX_SPAWN"})
    void childProcessesLiveAndTheirParentsSectionGoesOn(String mechanism) throws Exception {
        needsRseq();
        List<String> jvm = new ArrayList<>(QUICK_START);
        jvm.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-Drseq4j.registration=own",
                "-Drseq4j.benchmark.simulateRequests=true", "-Djdk.lang.Process.launchMechanism=" + mechanism));
        java(Map.of(), List.of(), jvm, WithChildren.class.getName()).says("10 children, area kept: true");
    }

    @Test
    void anAreaThatAnotherLibraryHoldsIsSaid() throws Exception {
        needsRseq();
        assumeTrue(Files.exists(OWNER), "needs the test's library");
        Map<String, String> preloaded = Map.of("GLIBC_TUNABLES", "glibc.pthread.rseq=0", "LD_PRELOAD",
                OWNER.toAbsolutePath().toString());
        doctor(preloaded, List.of(), "--enable-native-access=ALL-UNNAMED").says("\"registration\": \"NONE\"",
                "another library holds the threads' rseq areas (errno 22)", "registers rseq by itself");
    }

    /** See allocator.c: a thread that allocates nothing would get an area, but there is no such thread in a JVM. */
    @Test
    void anAllocatorThatRegistersEachThreadFirstIsSaid() throws Exception {
        needsRseq();
        Map<String, String> preloaded = Map.of("GLIBC_TUNABLES", "glibc.pthread.rseq=0", "LD_PRELOAD",
                preloaded("liballocator.so"));
        doctor(preloaded, List.of(), "--enable-native-access=ALL-UNNAMED").says("\"registration\": \"NONE\"",
                "another library holds the threads' rseq areas (errno 22)", "registers rseq by itself");
    }

    @Test
    void aThreadThatCannotBeMadeJustNowIsTriedAgain() throws Exception {
        needsRseq();
        for (int failures : new int[]{1, 4}) {
            doctor(Map.of("FAIL_THREADS", "" + failures, "LD_PRELOAD", preloaded("libfailing.so")), List.of(),
                    "--enable-native-access=ALL-UNNAMED").says("\"registration\": \"LIBC\"");
        }
        doctor(Map.of("FAIL_THREADS", "1000", "LD_PRELOAD", preloaded("libfailing.so")), List.of(),
                "--enable-native-access=ALL-UNNAMED").says("\"registration\": \"NONE\"", "no room", "errno 11");
    }

    @Test
    void theCLibrarysAreaIsRestoredWhenTheOwnOneCannotBeRegistered() throws Exception {
        needsRseq();
        doctor(Map.of("FAIL_REGISTER", "own", "LD_PRELOAD", preloaded("libfailing.so")), List.of(),
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.registration=own")
                .says("\"registration\": \"LIBC\"", "\"threadsWithoutArea\": 0");
        doctor(Map.of("FAIL_REGISTER", "all", "LD_PRELOAD", preloaded("libfailing.so")), List.of(),
                "--enable-native-access=ALL-UNNAMED", "-Drseq4j.registration=own")
                .says("\"registration\": \"NONE\"", "errno 14");
    }

    private static String preloaded(String name) {
        Path file = OWNER.resolveSibling(name).toAbsolutePath();
        assumeTrue(Files.exists(file), "needs the test's library");
        return file.toString();
    }

    /** See {@link org.rseq4j.internal.linux.Offspring}. */
    @Test
    void whatAnotherProcessTellsOfItsNativeCodeIsNotBelieved() throws Exception {
        needsRseq();
        java(Map.of(), List.of(), List.of("--enable-native-access=ALL-UNNAMED"), "org.rseq4j.internal.linux.Offspring")
                .says("told by system properties: 0", "child with all properties: 0", "child with a stale table: 0");
    }

    @Test
    void nothingIsLeftInTheTemporaryFolder(@TempDir Path folder) throws Exception {
        needsRseq();
        doctor("--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=" + folder).says("\"libc\": \"");
        try (var left = Files.list(folder)) {
            assertEquals(List.of(), left.filter(p -> p.getFileName().toString().startsWith("rseq4j")).toList());
        }
    }

    @Test
    void anUnusableTemporaryFolderIsNoProblem() throws Exception {
        needsRseq();
        isLoadedOrSaysWhatToDo(doctor(Map.of("XDG_RUNTIME_DIR", ""), List.of(),
                "--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=/proc/nowhere"));
    }

    /** Where no folder will do it is loaded from memory; before Java 22 that cannot be, which is said. */
    private static void isLoadedOrSaysWhatToDo(Answer answer) {
        if (Runtime.version().feature() < 22) {
            answer.says("\"registration\": \"NONE\"", "no memory file", "-Drseq4j.native.dir=FOLDER");
            return;
        }
        answer.says("\"libc\": \"");
        assertFalse(answer.text.contains("\"libc\": \"unknown\""), answer.text);
    }

    /** See {@link NextLibrary}. */
    @Test
    @EnabledForJreRange(min = JRE.JAVA_22)
    void theNextLibraryThatIsLoadedFromMemoryIsNotTakenForOurs() throws Exception {
        needsRseq();
        Path other = Path.of(System.getProperty("rseq4j.test.storm", "target/libstorm.so")).toAbsolutePath();
        assumeTrue(Files.exists(other), "needs the test's library");
        java(Map.of("XDG_RUNTIME_DIR", ""), List.of(),
                List.of("--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=/proc/nowhere"),
                NextLibrary.class.getName(), other.toString())
                .says("loaded from memory: true", "its own function: true", "a function of ours: false");
    }

    /** See thief.c: its threads lose their areas while they wait for each other. */
    @Test
    void threadsThatLoseTheirAreasUnderWayCountExactly() throws Exception {
        needsRseq();
        java(Map.of("LD_PRELOAD", preloaded("libthief.so")), List.of(), List.of("--enable-native-access=ALL-UNNAMED"),
                Robbed.class.getName()).says("area lost: true",
                        "missing adds: 0, by concurrency ID: 0, words: 0\n");
    }

    /** See {@link BesideAnotherCopy}. */
    @Test
    void twoCopiesInOneProcessSayTheSame() throws Exception {
        needsRseq();
        String alone = doctor("--enable-native-access=ALL-UNNAMED").text;
        java(Map.of(), List.of(), List.of("--enable-native-access=ALL-UNNAMED",
                "-Drseq4j.test.copy=" + PATH), BesideAnotherCopy.class.getName(), DOCTOR, "--json")
                .says(alone.lines().filter(line -> line.matches(".*\"(registration|mode|sliceExtension|advice)\".*"))
                        .toArray(String[]::new));
    }

    @Test
    void aNamedFolderThatIsUnusableIsSaid() throws Exception {
        needsRseq();
        doctor("--enable-native-access=ALL-UNNAMED", "-Drseq4j.native.dir=/proc/nowhere").says(
                "\"registration\": \"NONE\"",
                "/proc/nowhere", "-Drseq4j.native.dir=FOLDER");
    }

    @Test
    void aTemporaryFolderThatIsMountedNoexecIsNoProblem(@TempDir Path folder) throws Exception {
        needsRseq();
        List<String> mounted = List.of("unshare", "-m", "sh", "-c",
                "mount -t tmpfs -o noexec none " + folder + " && exec \"$@\"", "sh");
        List<String> trial = new ArrayList<>(mounted);
        trial.add("true");
        assumeTrue(new ProcessBuilder(trial).start().waitFor() == 0, "needs to mount, so root");
        isLoadedOrSaysWhatToDo(doctor(Map.of("XDG_RUNTIME_DIR", folder.toString()), mounted,
                "--enable-native-access=ALL-UNNAMED", "-Djava.io.tmpdir=" + folder));
        doctor(Map.of(), mounted, "--enable-native-access=ALL-UNNAMED", "-Drseq4j.native.dir=" + folder)
                .says("\"registration\": \"NONE\"", "noexec");
    }

    /** A file that one process makes and another opens has the same layout. */
    @Test
    void theBoundOfTheIdsDoesNotDependOnTheRegistration() throws Exception {
        String cpus = null;
        for (String registration : List.of("auto", "own", "none")) {
            Answer answer = doctor("--enable-native-access=ALL-UNNAMED", "-XX:ActiveProcessorCount=1",
                    "-Drseq4j.registration=" + registration);
            String count = answer.text.replaceAll("(?s).*\"cpuCount\": (\\d+).*", "$1");
            assertEquals(cpus == null ? count : cpus, count, answer.text);
            cpus = count;
        }
    }
}
