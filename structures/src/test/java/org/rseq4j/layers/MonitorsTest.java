// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.CodeElement;
import java.lang.classfile.Instruction;
import java.lang.classfile.Opcode;
import java.lang.classfile.attribute.CodeAttribute;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.util.ArrayList;
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
 * The interpreter throws a StackOverflowError where it has just entered a monitor, if it has too little stack then.
 * What calls nothing in a monitor does so as it must not fail, whatever was thrown before: there that error is caught
 * in the monitor, and the same is done again.
 */
@EnabledForJreRange(min = JRE.JAVA_24)
@Tag("java")
class MonitorsTest {
    /** Where nothing has been done yet, so that an error may end it. */
    private static final Set<String> BEGINNINGS = Set.of(
            "org/rseq4j/pools/Roster.isFit",
            "org/rseq4j/pools/Roster.endLoan");

    @Test
    void whatCallsNothingInAMonitorIsDoneWhateverEnteringItThrows() throws Exception {
        List<ClassModel> classes = new ArrayList<>(LayersTest.classesBeside(Rseq.class));
        classes.addAll(LayersTest.classesBeside(PerCpuCounter.class));
        Set<String> fail = new TreeSet<>();
        int seen = 0;
        for (ClassModel each : classes) {
            ClassModel model = asLoaded(each);
            for (var method : model.methods()) {
                var code = (CodeAttribute) method.code().orElse(null);
                List<Integer> entries = code == null ? List.of() : entriesThatCallNothing(code);
                seen += entries.size();
                if (!entries.stream().allMatch(entry -> isCaughtAt(code, entry))) {
                    fail.add(model.thisClass().asInternalName() + "." + method.methodName());
                }
            }
        }
        assertEquals(new TreeSet<>(BEGINNINGS), fail);
        assertTrue(seen > BEGINNINGS.size(), seen + " monitors");
    }

    /** From the class path, where a mutation comes first. */
    private static ClassModel asLoaded(ClassModel model) throws IOException {
        String name = "/" + model.thisClass().asInternalName() + ".class";
        try (InputStream bytes = MonitorsTest.class.getResourceAsStream(name)) {
            return ClassFile.of().parse(bytes.readAllBytes());
        }
    }

    /** Where the first instruction in each monitor is in which nothing is called. */
    private static List<Integer> entriesThatCallNothing(CodeAttribute code) {
        List<Integer> entries = new ArrayList<>();
        int at = 0;
        int entry = -1;
        for (CodeElement element : code) {
            if (element instanceof Instruction instruction) {
                at += instruction.sizeInBytes();
                if (instruction.opcode() == Opcode.MONITORENTER) {
                    entry = at;
                } else if (element instanceof InvokeInstruction || element instanceof InvokeDynamicInstruction) {
                    entry = -1;
                } else if (instruction.opcode() == Opcode.MONITOREXIT && entry >= 0) {
                    entries.add(entry);
                    entry = -1;
                }
            }
        }
        return entries;
    }

    /** Whether the first handler of what is thrown there is a catch clause, not the one that leaves the monitor. */
    private static boolean isCaughtAt(CodeAttribute code, int entry) {
        return code.exceptionHandlers().stream()
                .filter(handler -> code.labelToBci(handler.tryStart()) <= entry
                        && entry < code.labelToBci(handler.tryEnd()))
                .findFirst()
                .flatMap(handler -> handler.catchType())
                .filter(type -> type.asInternalName().equals("java/lang/Throwable"))
                .isPresent();
    }
}
