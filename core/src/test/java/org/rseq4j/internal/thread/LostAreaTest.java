// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.thread;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.PerCpuMemory;
import org.rseq4j.RestartableSequences;
import org.rseq4j.Rseq;
import org.rseq4j.stress.TestThreads;

/**
 * Another library takes the registration of a thread away under way: the kernel then writes CPU -1, but concurrency ID
 * 0.
 */
@EnabledForJreRange(min = JRE.JAVA_22)
class LostAreaTest {
    private static final int UNREGISTER = 1;

    @Test
    void neitherSequencesNorIdsGoOnByAnAreaThatIsNobodys() throws InterruptedException {
        assumeTrue(RestartableSequences.isNative(), "needs restartable sequences");
        var failure = new AtomicReference<Throwable>();
        Thread thread = TestThreads.start(() -> {
            try (var memory = PerCpuMemory.allocate(4096)) {
                assertTrue(RestartableSequences.BY_CONCURRENCY_ID.add(memory, 0, 1) < Rseq.cpuCount());
                assertTrue(unregister(ThreadArea.find()), "the area could not be unregistered");
                // What no sequence touches.
                assertEquals(Rseq.cpuCount(), RestartableSequences.BY_CONCURRENCY_ID.add(memory, 0, 1));
                assertEquals(Rseq.cpuCount(), RestartableSequences.BY_CPU.add(memory, 0, 1));
                assertEquals(3, memory.sum(0));
                assertEquals(Ids.stripe(), Rseq.concurrencyId());
                assertEquals(Ids.stripe(), Rseq.cpuId());
            } catch (Throwable e) {
                failure.set(e);
            }
        });
        thread.join();
        if (failure.get() != null) {
            throw new AssertionError(failure.get());
        }
    }

    /** By each length that may be registered. */
    @SuppressWarnings("restricted")
    private static boolean unregister(long area) throws Throwable {
        boolean arm = System.getProperty("os.arch").equals("aarch64");
        MethodHandle syscall = Linker.nativeLinker().downcallHandle(
                Linker.nativeLinker().defaultLookup().findOrThrow("syscall"),
                FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
                Linker.Option.firstVariadicArg(1));
        for (long length : new long[]{32, 33, 64, 20, 28, 128}) {
            long result = (long) syscall.invokeExact(arm ? 293L : 334L, area, length, (long) UNREGISTER,
                    arm ? 0xd428bc00L : 0x53053053L);
            if (result == 0) {
                return true;
            }
        }
        return false;
    }
}
