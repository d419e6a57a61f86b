// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.locks;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;
import org.rseq4j.stress.TestThreads;

/** A kernel that refuses membarrier after it allowed it: a process that puts itself under a filter. */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class MembarrierRefusedTest {
    @Test
    void writersGoOnWithoutMembarrier() throws Exception {
        assumeTrue(ReaderSlots.USED, "needs membarrier");
        assumeTrue(System.getProperty("os.arch").equals("amd64"), "the system call's numbers are x86-64's");
        ChildJvm.run("went on without", Map.of(), List.of(), Refused.class);
    }

    @SuppressWarnings("restricted") // a filter is not to be had from Java otherwise
    static final class Refused {
        private static final long SECCOMP = 317;
        private static final int MEMBARRIER = 324;

        private Refused() {
        }

        public static void main(String[] arguments) throws Throwable {
            var lock = new PerCpuReadWriteLock();
            useTogether(lock);
            if (refuseMembarrier() != 0) {
                System.out.println("no filter could be installed: went on without a test");
                return;
            }
            useTogether(lock);
            useTogether(new PerCpuReadWriteLock());
            System.out.println("went on without");
        }

        @SuppressWarnings("LockNotBeforeTry") // what throws inside fails the test
        private static void useTogether(PerCpuReadWriteLock lock) throws Exception {
            long[] pair = new long[2];
            var reading = new FutureTask<>(() -> {
                long wrong = 0;
                for (int n = 0; n < 200_000; n++) {
                    lock.readLock().lock();
                    wrong += pair[0] == pair[1] ? 0 : 1;
                    lock.readLock().unlock();
                }
                return wrong;
            });
            TestThreads.startDaemon(reading);
            do {
                lock.writeLock().lock();
                pair[0]++;
                Thread.onSpinWait();
                pair[1]++;
                lock.writeLock().unlock();
                Thread.sleep(1);
            } while (!reading.isDone());
            if (reading.get() != 0 || lock.getReadLockCount() != 0 || lock.isWriteLocked()) {
                throw new AssertionError(reading.get() + " half-written reads, " + lock);
            }
        }

        /** For all threads of this process; 0 when it worked. */
        private static long refuseMembarrier() throws Throwable {
            Linker linker = Linker.nativeLinker();
            var prctl = linker.downcallHandle(linker.defaultLookup().findOrThrow("prctl"),
                    FunctionDescriptor.of(JAVA_INT,
                            JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                    Linker.Option.firstVariadicArg(1));
            var syscall = linker.downcallHandle(linker.defaultLookup().findOrThrow("syscall"),
                    FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS),
                    Linker.Option.firstVariadicArg(1));
            try (Arena arena = Arena.ofConfined()) {
                // struct sock_filter: code, jump if true, jump if false, operand
                MemorySegment filter = arena.allocateFrom(JAVA_LONG, instruction(0x20, 0, 0, 0),
                        instruction(0x15, 0, 1, MEMBARRIER), instruction(0x06, 0, 0, 0x0005_0000 | 38),
                        instruction(0x06, 0, 0, 0x7FFF_0000));
                MemorySegment program = arena.allocate(16, 8);
                program.set(JAVA_INT, 0, 4);
                program.set(ADDRESS, 8, filter);
                if ((int) prctl.invokeExact(38, 1L, 0L, 0L, 0L) != 0) { // no new privileges
                    return -1;
                }
                return (long) syscall.invokeExact(SECCOMP, 1L, 1L, program); // a filter, for all threads
            }
        }

        private static long instruction(int code, int ifTrue, int ifFalse, int operand) {
            return (long) operand << 32 | (long) ifFalse << 24 | (long) ifTrue << 16 | code;
        }
    }
}
