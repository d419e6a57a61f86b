// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rseq4j.RseqStatus.Mode;
import org.rseq4j.RseqStatus.Registration;
import org.rseq4j.RseqStatus.SliceState;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.KernelFacts;
import org.rseq4j.internal.thread.RegistrationDecision.Choice;
import org.rseq4j.internal.thread.RegistrationDecision.Outcome;
import org.rseq4j.internal.thread.RegistrationDecision.Slice;
import org.rseq4j.internal.thread.RegistrationTrial.Probe;
import org.rseq4j.internal.thread.RegistrationTrial.Trial;

/** What is decided on machines that this one is not: each C library on each kernel, and each way to fail. */
@Tag("java")
class RegistrationDecisionTest {
    private static final KernelFacts PLAIN = new KernelFacts("quiet", "7.3.4", null, false);
    private static final int ON = 0x30;

    /** A machine: what its C library registered, and what prctl says of that registration and of the library's own. */
    private static Outcome decide(Choice choice, Slice slice, KernelFacts kernel, int feature, int libcSize,
            int libcSlice, int ownSlice) {
        Probe probe = new Probe(feature, libcSize, 4, Abi.EINVAL, "a C library");
        return new RegistrationDecision(choice, slice, kernel, probe, (libc, own, ask) -> {
            if (libc) {
                return libcSize == 0
                        ? new Trial(0, Abi.ENXIO, -1, 0)
                        : new Trial(Abi.REGISTRATION_LIBC, 0, ask ? libcSlice : -1, ask && libcSlice == 0 ? ON : 0);
            }
            return new Trial(Abi.REGISTRATION_OWN, 0, ask ? ownSlice : -1, ask && ownSlice == 0 ? ON : 0);
        }).decide();
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource({
            // machine, feature size, what libc registered, prctl of libc's and of our own; then what is decided
            "glibc 2.36 on 6.1, 0, 20, 22, 22, LIBC, LEGACY, KERNEL_LACKS_IT",
            "glibc 2.36 on 6.12, 28, 20, 22, 22, LIBC, LEGACY, KERNEL_LACKS_IT",
            "glibc 2.39 on 6.18, 28, 32, 22, 22, LIBC, LEGACY, KERNEL_LACKS_IT",
            "glibc 2.41 on 6.18, 28, 28, 22, 22, LIBC, LEGACY, KERNEL_LACKS_IT",
            "glibc 2.39 on 7.3 with it, 33, 32, 524, 0, OWN, V2, ENABLED",
            "glibc 2.39 on 7.3 without it, 33, 32, 524, 524, LIBC, LEGACY, KERNEL_LACKS_IT",
            "glibc 2.41 on 7.3 with it, 33, 33, 0, 0, LIBC, V2, ENABLED",
            "glibc 2.41 on 7.3 without it, 33, 33, 524, 524, LIBC, V2, KERNEL_LACKS_IT",
            "glibc 2.39 on an early 7.0, 33, 32, 0, 0, LIBC, LEGACY, ENABLED",
            "musl on 6.18, 28, 0, 0, 22, OWN, LEGACY, KERNEL_LACKS_IT",
            "musl on 7.3 with it, 33, 0, 0, 0, OWN, V2, ENABLED",
            "musl on 7.3 without it, 33, 0, 0, 524, OWN, V2, KERNEL_LACKS_IT",
            "a filter that forbids prctl, 33, 33, 1, 1, LIBC, V2, BLOCKED",
            "a filter that forbids prctl under musl, 33, 0, 0, 1, OWN, V2, BLOCKED",
            "a filter that hides prctl, 33, 32, 38, 38, LIBC, LEGACY, BLOCKED",
            "an error that nobody knows, 33, 33, 5, 5, LIBC, V2, REFUSED"})
    void eachCLibraryOnEachKernel(String machine, int feature, int libcSize, int libcSlice, int ownSlice,
            Registration registration, Mode mode, SliceState slice) {
        Outcome outcome = decide(Choice.AUTO, Slice.AUTO, PLAIN, feature, libcSize, libcSlice, ownSlice);
        assertEquals(registration, outcome.registration(), machine);
        assertEquals(mode, outcome.mode(), machine);
        assertEquals(slice, outcome.slice(), machine);
    }

    @ParameterizedTest
    @CsvSource({"LIBC, 32, LIBC, LEGACY, LEGACY_REGISTRATION", "LIBC, 33, LIBC, V2, KERNEL_LACKS_IT",
            "OWN, 32, OWN, V2, ENABLED"})
    void whatTheUserChose(Choice choice, int libcSize, Registration registration, Mode mode, SliceState slice) {
        Outcome outcome = decide(choice, Slice.AUTO, PLAIN, 33, libcSize, Abi.ENOTSUPP, 0);
        assertEquals(registration, outcome.registration());
        assertEquals(mode, outcome.mode());
        assertEquals(slice, outcome.slice());
    }

    @Test
    void whatTheKernelSaysIsAVeto() {
        KernelFacts debugs = new KernelFacts("rseq-debug=true", "7.3.4", null, false);
        KernelFacts locks = new KernelFacts("", "7.1.10", null, false);
        assertEquals(SliceState.KERNEL_DEBUGS_RSEQ, decide(Choice.AUTO, Slice.AUTO, debugs, 33, 33, 0, 0).slice());
        assertEquals(SliceState.KERNEL_MAY_LOCK_UP, decide(Choice.AUTO, Slice.AUTO, locks, 33, 33, 0, 0).slice());
        assertEquals(SliceState.ENABLED, decide(Choice.AUTO, Slice.FORCE, debugs, 33, 33, 0, 0).slice());
        assertEquals(SliceState.OFF_BY_PROPERTY, decide(Choice.AUTO, Slice.OFF, PLAIN, 33, 33, 0, 0).slice());
        KernelFacts off = new KernelFacts("rseq_slice_ext=off", "7.3.4", null, false);
        assertEquals(SliceState.OFF_AT_BOOT, decide(Choice.AUTO, Slice.AUTO, off, 33, 33, 524, 524).slice());
        assertTrue(decide(Choice.AUTO, Slice.AUTO, locks, 33, 33, 0, 0).advice().contains("7.1.11"));
    }

    @ParameterizedTest
    @CsvSource({"11, no room", "12, no room", "16, another library", "22, another library", "14, errno 14"})
    void whatFailsIsSaid(int error, String said) {
        Probe probe = new Probe(33, 0, 4, Abi.EINVAL, "musl");
        Outcome outcome = new RegistrationDecision(Choice.AUTO, Slice.AUTO, PLAIN, probe,
                (libc, own, ask) -> new Trial(0, libc && error != 11 && error != 12 ? Abi.ENXIO : error, -1, 0))
                .decide();
        assertEquals(Registration.NONE, outcome.registration());
        assertEquals(Mode.NONE, outcome.mode());
        assertTrue(outcome.reason().contains(said), outcome.reason());
    }

    @Test
    void aThreadThatCouldNotBeMadeIsNoReasonToReplaceTheCLibrarysArea() {
        Probe probe = new Probe(33, 33, 4, Abi.EINVAL, "glibc");
        Outcome outcome = new RegistrationDecision(Choice.AUTO, Slice.AUTO, PLAIN, probe, (libc, own, ask) -> libc
                ? new Trial(0, Abi.EAGAIN, -1, 0)
                : new Trial(Abi.REGISTRATION_OWN, 0, 0, ON)).decide();
        assertEquals(Registration.NONE, outcome.registration());
    }

    @Test
    void whenTheOwnAreaCannotBeTheCLibrarysIsKept() {
        Probe probe = new Probe(33, 32, 4, Abi.EINVAL, "glibc");
        Outcome outcome = new RegistrationDecision(Choice.OWN, Slice.AUTO, PLAIN, probe,
                (libc, own, ask) -> new Trial(Abi.REGISTRATION_LIBC, 14, Abi.ENOTSUPP, 0)).decide();
        assertEquals(Registration.LIBC, outcome.registration());
        assertEquals(Mode.LEGACY, outcome.mode());
        assertEquals(SliceState.LEGACY_REGISTRATION, outcome.slice());
    }
}
