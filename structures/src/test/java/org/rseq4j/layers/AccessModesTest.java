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
import java.lang.classfile.instruction.ConstantInstruction;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
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

    private static void forEachInstruction(Visitor visitor) throws Exception {
        List<ClassModel> all = new ArrayList<>(LayersTest.classesBeside(Rseq.class));
        all.addAll(LayersTest.classesBeside(PerCpuCounter.class));
        for (ClassModel one : all) {
            ClassModel type = loaded(one.thisClass().asInternalName());
            String outer = LayersTest.outermost(type.thisClass().asInternalName());
            for (MethodModel method : type.methods()) {
                Instruction before = null;
                for (CodeElement element : method.code().map(CodeModel::elementList).orElse(List.of())) {
                    if (element instanceof Instruction instruction) {
                        visitor.visit(outer + "." + method.methodName().stringValue(), before, instruction);
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
