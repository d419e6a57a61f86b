// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.lang.reflect.AccessFlag;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuCounter;

/**
 * A class whose initializer meets an error is of no use for ever, and what a user calls may come at the end of a stack.
 * So what is public has no initializer, and neither has what it extends: it asks {@code FirstUse} for stack first.
 */
@EnabledForJreRange(min = JRE.JAVA_24)
@Tag("java")
class InitializersTest {
    /** Constants alone, as each enum has them; the library's own first use comes behind {@code FirstUse}. */
    private static final Set<String> CONSTANTS = Set.of(
            "org/rseq4j/RseqStatus$Mode",
            "org/rseq4j/RseqStatus$Registration",
            "org/rseq4j/RseqStatus$SliceState",
            "org/rseq4j/counters/PerCpuSummary$Snapshot",
            "org/rseq4j/pools/PoolMisuse$Kind");

    @Test
    void whatIsPublicHasNoInitializer() throws Exception {
        Map<String, ClassModel> all = new HashMap<>();
        List<ClassModel> classes = new ArrayList<>(LayersTest.classesBeside(Rseq.class));
        classes.addAll(LayersTest.classesBeside(PerCpuCounter.class));
        classes.forEach(model -> all.put(model.thisClass().asInternalName(), model));
        Set<String> initialized = new TreeSet<>();
        all.forEach((name, model) -> {
            if (model.flags().has(AccessFlag.PUBLIC) && !name.contains("/internal/")) {
                for (ClassModel it = model; it != null; it = parent(all, it)) {
                    if (it.methods().stream().anyMatch(method -> method.methodName().equalsString("<clinit>"))) {
                        initialized.add(it.thisClass().asInternalName());
                    }
                }
            }
        });
        assertEquals(new TreeSet<>(CONSTANTS), initialized);
    }

    @Test
    void whatMakesSureOfStackHasNoInitializer() throws Exception {
        for (ClassModel model : LayersTest.classesBeside(Rseq.class)) {
            if (model.thisClass().asInternalName().equals("org/rseq4j/internal/thread/FirstUse")) {
                assertEquals(Set.of(), Set.copyOf(model.methods().stream()
                        .filter(method -> method.methodName().equalsString("<clinit>")).toList()));
                return;
            }
        }
        throw new AssertionError("there is no FirstUse");
    }

    /** What is linked at its first call, for the message of an exception, may break classes of the JDK there. */
    @Test
    void noMessageIsLinkedAtItsFirstUse() throws Exception {
        List<ClassModel> classes = new ArrayList<>(LayersTest.classesBeside(Rseq.class));
        classes.addAll(LayersTest.classesBeside(PerCpuCounter.class));
        Set<String> linked = new TreeSet<>();
        for (ClassModel model : classes) {
            for (PoolEntry entry : model.constantPool()) {
                if (entry instanceof Utf8Entry text
                        && text.equalsString("java/lang/invoke/StringConcatFactory")) {
                    linked.add(model.thisClass().asInternalName());
                }
            }
        }
        assertEquals(Set.of(), linked);
    }

    private static ClassModel parent(Map<String, ClassModel> all, ClassModel model) {
        return model.superclass().map(parent -> all.get(parent.asInternalName())).orElse(null);
    }
}
