// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.Instruction;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.BranchInstruction;
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.classfile.instruction.MonitorInstruction;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuCounter;

/**
 * What no test that runs on x86 can miss, where the processor keeps loads in order, and stores too: only a compiler, or
 * another processor, would show it. So the fences stand here once more, and where a VarHandle reads and stores plainly.
 */
@EnabledForJreRange(min = JRE.JAVA_24)
@Tag("java")
class AccessModesTest {
    /** Places of arrays that a release of another word publishes, and words of memory whose callers say more. */
    private static final Set<String> PLAIN = Set.of("org.rseq4j.internal.linux.Memory.getInt",
            "org.rseq4j.internal.linux.Memory.getLong", "org.rseq4j.internal.linux.Memory.setInt",
            "org.rseq4j.internal.linux.Memory.setLong", "org.rseq4j.pools.LeasedSlab.put",
            "org.rseq4j.pools.Slab.store");

    /** Each with what its comment says, or the model of {@code ProtocolsTest} that breaks without it. */
    private static final Set<String> FENCES = Set.of(
            "org.rseq4j.counters.CounterFileEntries.readChanged fullFence 1",
            "org.rseq4j.counters.CounterFileEntries.states fullFence 2",
            "org.rseq4j.counters.CounterFileTable.enter releaseFence 1",
            "org.rseq4j.counters.PerCpuSummary.read acquireFence 1",
            "org.rseq4j.counters.SummaryMirror.write releaseFence 1",
            "org.rseq4j.counters.SummaryWords.read acquireFence 1",
            "org.rseq4j.internal.section.Section.setRequest releaseFence 1",
            "org.rseq4j.internal.thread.ThreadArea.insert storeStoreFence 1",
            "org.rseq4j.locks.QueuedLock.publishOwner fullFence 1",
            "org.rseq4j.locks.ReadSide.arrive releaseFence 1",
            "org.rseq4j.locks.ReadSide.unlock fullFence 1",
            "org.rseq4j.locks.ReadSide.validate acquireFence 1",
            "org.rseq4j.locks.ReaderSlots.claim acquireFence 1",
            "org.rseq4j.locks.ReaderSlots.claim releaseFence 1",
            "org.rseq4j.locks.WriteSide.raise storeStoreFence 1",
            "org.rseq4j.pools.LeasedSlab.flush releaseFence 2",
            "org.rseq4j.pools.LeasedSlab.put releaseFence 1",
            "org.rseq4j.pools.LeasedSlab.refill releaseFence 2",
            "org.rseq4j.pools.LeasedSlab.take releaseFence 1",
            "org.rseq4j.pools.LeasedSlabs.takeOver fullFence 1",
            "org.rseq4j.pools.LeasedSlabs.takeOver releaseFence 1",
            "org.rseq4j.queues.Ring.tryPeek loadLoadFence 1");

    /** Barriers on all threads, where a reader's or an owner's side has no fence of its own. */
    private static final Set<String> BARRIERS = Set.of(
            "org.rseq4j.locks.WriteSide.makeVisible barrier",
            "org.rseq4j.locks.WriteSide.makeVisible handshake",
            "org.rseq4j.locks.WriteSide.raise makeVisible",
            "org.rseq4j.pools.LeasedSlabs.revoke barrier");

    /** Where a lock that is a field is taken. */
    private static final Set<String> LOCKS_TAKEN = Set.of(
            "org.rseq4j.internal.memory.StrideLock.tryLock",
            "org.rseq4j.pools.LeasedSlab.tryLock",
            "org.rseq4j.pools.Slab.tryLock",
            "org.rseq4j.pools.Slab.tryPop",
            "org.rseq4j.pools.Slab.tryPush",
            "org.rseq4j.pools.WaitingRoom.tryLock");

    /** Where meters, slots and files are made and read, and of a pool's objects one at a time. */
    private static final Set<String> MONITORS = Set.of(
            "org.rseq4j.PerCpuMemory.allocateSlot", "org.rseq4j.PerCpuMemory.close", "org.rseq4j.PerCpuMemory.free",
            "org.rseq4j.counters.CounterFile.free", "org.rseq4j.counters.CounterFile.made",
            "org.rseq4j.counters.CounterFile.meter", "org.rseq4j.counters.CounterFile.watch",
            "org.rseq4j.counters.CounterFileReader.read", "org.rseq4j.counters.MeterRegistration.of",
            "org.rseq4j.counters.SharedReading.reading", "org.rseq4j.internal.linux.NativeLibrary.load",
            "org.rseq4j.pools.Roster.endLoan", "org.rseq4j.pools.Roster.isFit");

    /** Where an error's last words are taken, and what became of one task, by plain stores. */
    private static final Set<String> MONITORS_AFTER_ERRORS = Set.of(
            "org.rseq4j.locks.ReadSide.arriveByWord", "org.rseq4j.locks.ReadSide.unlock",
            "org.rseq4j.pools.FreeBlocks.take", "org.rseq4j.pools.FreeBlocks.takeBack",
            "org.rseq4j.pools.Lease.close", "org.rseq4j.pools.PerCpuBufferPool.acquireByteBuffer",
            "org.rseq4j.pools.PerCpuBufferPool.handedOut", "org.rseq4j.pools.PerCpuPool.discard",
            "org.rseq4j.pools.PerCpuPool.give", "org.rseq4j.pools.PerCpuPool.release",
            "org.rseq4j.pools.PerCpuPool.takeFit", "org.rseq4j.pools.Supply.callHook",
            "org.rseq4j.pools.Supply.discard", "org.rseq4j.pools.Supply.discardUnserved",
            "org.rseq4j.pools.Supply.handOn", "org.rseq4j.pools.Supply.make", "org.rseq4j.pools.Supply.run",
            "org.rseq4j.pools.Upkeep.discardAll", "org.rseq4j.pools.Upkeep.sweep",
            "org.rseq4j.pools.WaitingRoom.serve", "org.rseq4j.pools.WaitingRoom.serveLine",
            "org.rseq4j.pools.WaitingRoom.unlink");

    /** What uses an address of the object that it is a method of, or of one that it was given. */
    private static final Set<String> KEPT_REACHABLE = Set.of(
            "org.rseq4j.PerCpuMemory.add", "org.rseq4j.PerCpuMemory.close", "org.rseq4j.PerCpuMemory.free",
            "org.rseq4j.PerCpuMemory.get", "org.rseq4j.PerCpuMemory.sum", "org.rseq4j.PerCpuMemory.sums",
            "org.rseq4j.RestartableSequences.add", "org.rseq4j.RestartableSequences.compareAndStore",
            "org.rseq4j.RestartableSequences.drainSome", "org.rseq4j.RestartableSequences.pop",
            "org.rseq4j.RestartableSequences.popMany", "org.rseq4j.RestartableSequences.push",
            "org.rseq4j.RestartableSequences.pushMany", "org.rseq4j.RestartableSequences.swap",
            "org.rseq4j.counters.PerCpuCounter.add", "org.rseq4j.counters.PerCpuCounter.replace",
            "org.rseq4j.counters.PerCpuCounter.sum", "org.rseq4j.counters.PerCpuHistogram.add",
            "org.rseq4j.counters.PerCpuHistogram.counts", "org.rseq4j.counters.PerCpuSummary.read",
            "org.rseq4j.counters.PerCpuSummary.record", "org.rseq4j.internal.memory.Mapping.adviseHugePages",
            "org.rseq4j.internal.memory.Mapping.discard", "org.rseq4j.internal.memory.Mapping.populate",
            "org.rseq4j.internal.memory.View.lambda$lend$0", "org.rseq4j.internal.thread.FirstUse.prepare",
            "org.rseq4j.pools.AddressStacks.pop", "org.rseq4j.pools.AddressStacks.push");

    @Test
    void whatIsSharedIsNotReadOrStoredPlainlyByAVarHandle() throws Exception {
        Set<String> plain = new TreeSet<>(calls("set"));
        plain.addAll(calls("get"));
        assertEquals(new TreeSet<>(PLAIN), plain);
    }

    @Test
    void theFencesAreWhereTheyWere() throws Exception {
        Set<String> fences = new TreeSet<>();
        for (String fence : List.of("acquireFence", "releaseFence", "fullFence", "loadLoadFence", "storeStoreFence")) {
            for (String place : new TreeSet<>(calls(fence))) {
                fences.add(place + " " + fence + " " + Collections.frequency(calls(fence), place));
            }
        }
        assertEquals(new TreeSet<>(FENCES), fences);
    }

    @Test
    void theBarriersAreWhereTheyWere() throws Exception {
        Set<String> barriers = new TreeSet<>();
        forEachInstruction((place, before, element) -> {
            if (element instanceof InvokeInstruction call && Set.of("barrier", "handshake", "makeVisible")
                    .contains(call.name().stringValue())) {
                barriers.add(place + " " + call.name().stringValue());
            }
        });
        barriers.removeIf(barrier -> barrier.startsWith("org.rseq4j.internal.thread.Membarrier."));
        assertEquals(new TreeSet<>(BARRIERS), barriers);
    }

    /** Two threads that both read it as free, and then store, are seen by no test: they meet within an instruction. */
    @Test
    void aLockIsTakenByOneCompareAndSetAndOtherwiseOnlyGivenBack() throws Exception {
        Set<String> taken = new TreeSet<>();
        Set<String> stored = new TreeSet<>();
        String[] handle = {""};
        forEachInstruction((place, before, element) -> {
            boolean isZero = before instanceof ConstantInstruction constant && constant.constantValue().equals(0);
            if (element instanceof FieldInstruction field) {
                handle[0] = field.opcode() == Opcode.GETSTATIC ? field.name().stringValue() : handle[0];
                if (field.opcode() == Opcode.PUTFIELD && field.name().equalsString("locked") && !isZero) {
                    stored.add(place);
                }
            } else if (element instanceof InvokeInstruction call && handle[0].equals("LOCKED")
                    && call.owner().asInternalName().equals("java/lang/invoke/VarHandle")) {
                if (call.name().equalsString("compareAndSet")) {
                    taken.add(place);
                } else if (!call.name().stringValue().startsWith("get") && !isZero) {
                    stored.add(place);
                }
            }
        });
        assertEquals(Set.of(), stored);
        assertEquals(new TreeSet<>(LOCKS_TAKEN), taken);
    }

    /**
     * Who waits for a monitor waits as long as its holder is stopped, and a virtual thread may go on with another
     * carrier after it. So there is none where a thread has found its area, and none that a timed call comes to but
     * where what is done in it calls nothing, after an error.
     */
    @Test
    void theMonitorsAreWhereTheyWere() throws Exception {
        Set<String> monitors = new TreeSet<>();
        forEachInstruction((place, before, element) -> {
            if (element instanceof MonitorInstruction enter && enter.opcode() == Opcode.MONITORENTER) {
                monitors.add(place);
            }
        });
        for (ClassModel type : all()) {
            for (MethodModel method : type.methods()) {
                if (method.flags().has(AccessFlag.SYNCHRONIZED)) {
                    monitors.add(place(type, method));
                }
            }
        }
        Set<String> expected = new TreeSet<>(MONITORS);
        expected.addAll(MONITORS_AFTER_ERRORS);
        assertEquals(expected, monitors);
    }

    /** The collector may unmap what an object refers to by an address as soon as the object is used no more. */
    @Test
    void whatIsUsedByItsAddressStaysReachable() throws Exception {
        Set<String> kept = new TreeSet<>();
        forEachInstruction((place, before, element) -> {
            if (element instanceof InvokeInstruction call && call.name().equalsString("reachabilityFence")) {
                kept.add(place);
            }
        });
        assertEquals(new TreeSet<>(KEPT_REACHABLE), kept);
    }

    /** A look at the word's line would take it away from the CPU of who has the lock next. */
    @Test
    void anUnlockLooksAtNothingOnceTheLockIsFree() throws Exception {
        Set<String> unlocks = Set.of("org.rseq4j.locks.SliceLock.unlock release",
                "org.rseq4j.locks.WriteSide.unlock unlock");
        Set<String> ended = new TreeSet<>();
        forEachInstruction((place, before, element) -> {
            String call = before instanceof InvokeInstruction invoke ? place + " " + invoke.name().stringValue() : "";
            if (unlocks.contains(call) && element instanceof BranchInstruction branch
                    && branch.opcode() == Opcode.GOTO) { // past what an error has to undo
                ended.add(call);
            }
        });
        assertEquals(new TreeSet<>(unlocks), ended);
    }

    /** The methods that call one of VarHandle's, each as often as it does. */
    private static List<String> calls(String name) throws Exception {
        List<String> found = new ArrayList<>();
        forEachInstruction((place, before, element) -> {
            if (element instanceof InvokeInstruction call && call.name().equalsString(name)
                    && call.owner().asInternalName().equals("java/lang/invoke/VarHandle")) {
                found.add(place);
            }
        });
        return found;
    }

    /** An instruction of a method, and the one before it; null at the begin. */
    private interface Visitor {
        void visit(String place, Instruction before, Instruction element);
    }

    private static List<ClassModel> all() throws Exception {
        List<ClassModel> all = new ArrayList<>(LayersTest.classesBeside(Rseq.class));
        all.addAll(LayersTest.classesBeside(PerCpuCounter.class));
        for (int i = 0; i < all.size(); i++) {
            all.set(i, loaded(all.get(i).thisClass().asInternalName()));
        }
        return all;
    }

    private static String place(ClassModel type, MethodModel method) {
        return LayersTest.outermost(type.thisClass().asInternalName()) + "." + method.methodName().stringValue();
    }

    private static void forEachInstruction(Visitor visitor) throws Exception {
        for (ClassModel type : all()) {
            for (MethodModel method : type.methods()) {
                Instruction before = null;
                for (CodeElement element : method.code().map(CodeModel::elementList).orElse(List.of())) {
                    if (element instanceof Instruction instruction) {
                        visitor.visit(place(type, method), before, instruction);
                        before = instruction;
                    }
                }
            }
        }
    }

    /** As it is loaded from the class path, where a mutation comes first. */
    private static ClassModel loaded(String name) throws IOException {
        try (InputStream in = AccessModesTest.class.getResourceAsStream("/" + name + ".class")) {
            return ClassFile.of().parse(in.readAllBytes());
        }
    }
}
