// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.CodeElement;
import java.lang.classfile.CodeModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.Opcode;
import java.lang.classfile.instruction.FieldInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;

/** What GraalVM's native-image is told is what the library does. Native-image itself is not tried. */
@EnabledForJreRange(min = JRE.JAVA_24) // older ones call by JNI, or cannot read classes
@Tag("java")
class ReachabilityMetadataTest {
    private static final String FILE = "/META-INF/native-image/org.rseq4j/rseq4j-core/reachability-metadata.json";

    /** What links a call, and the options that it has then. */
    private static final Map<String, String> LINKERS = Map.of("plain", "", "downcallHandle", "", "critical",
            ", \"options\": {\"critical\": {\"allowHeapAccess\": false}}", "criticalWithHeap",
            ", \"options\": {\"critical\": {\"allowHeapAccess\": true}}");

    /** The calls that no field has, by where they are linked. */
    private static final Map<String, MethodType> OF_METHODS = Map.of(
            "openMemoryFile downcallHandle", MethodType.methodType(int.class, Object.class, int.class),
            "closeFile downcallHandle", MethodType.methodType(int.class, int.class),
            "checkAborts plain", MethodType.methodType(int.class, long.class));

    private static String metadata() throws IOException {
        try (InputStream in = NativeLibrary.class.getResourceAsStream(FILE)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void theNativeLibrariesAreNamed() throws IOException {
        for (String machine : List.of("x86_64", "aarch64")) {
            String library = NativeLibrary.resource().replaceFirst("linux-[^/]*", "linux-" + machine).substring(1);
            assertTrue(metadata().contains("{\"glob\": \"" + library + "\"}"), library);
        }
    }

    @Test
    void everyCallIsNamedWithItsOptionsAndNoOther() throws Exception {
        assumeTrue(NativeLibrary.isAvailable(), "needs the native library");
        Set<String> named = metadata().lines().map(line -> line.strip().replaceFirst(",$", ""))
                .filter(line -> line.startsWith("{\"returnType\"")).collect(Collectors.toCollection(TreeSet::new));
        Set<String> called = new TreeSet<>();
        Set<String> inMethods = new TreeSet<>();
        List<Class<?>> groups = new ArrayList<>(List.of(NativeCalls.class.getDeclaredClasses()));
        groups.add(NativeCalls.class);
        for (Class<?> group : groups) {
            for (MethodModel method : ClassFile.of().parse(bytes(group)).methods()) {
                look(group, method, called, inMethods);
            }
        }
        inMethods.remove("link downcallHandle"); // which plain and its like call
        assertEquals(new TreeSet<>(OF_METHODS.keySet()), inMethods);
        OF_METHODS.forEach((place, type) -> called
                .add(descriptor(type) + LINKERS.get(place.substring(place.indexOf(' ') + 1)) + "}"));
        assertEquals(String.join("\n", called), String.join("\n", named));
    }

    /** A field is stored after its call was linked; other calls are noted by their method. */
    private static void look(Class<?> group, MethodModel method, Set<String> called, Set<String> inMethods)
            throws Exception {
        String linker = null;
        for (CodeElement element : method.code().map(CodeModel::elementList).orElse(List.of())) {
            if (element instanceof InvokeInstruction call && LINKERS.containsKey(call.name().stringValue())
                    && !call.owner().asInternalName().endsWith("Option")) {
                linker = call.name().stringValue();
                if (!method.methodName().equalsString("<clinit>")) {
                    inMethods.add(method.methodName().stringValue() + " " + linker);
                }
            } else if (linker != null && element instanceof FieldInstruction field
                    && field.opcode() == Opcode.PUTSTATIC) {
                Field handle = group.getDeclaredField(field.name().stringValue());
                handle.setAccessible(true);
                called.add(descriptor(((MethodHandle) handle.get(null)).type()) + LINKERS.get(linker) + "}");
                linker = null;
            }
        }
    }

    private static byte[] bytes(Class<?> type) throws IOException {
        try (InputStream in = type.getResourceAsStream(type.getName().replaceFirst(".*[.]", "") + ".class")) {
            return in.readAllBytes();
        }
    }

    private static String descriptor(MethodType type) {
        return type.parameterList().stream().map(ReachabilityMetadataTest::name).collect(Collectors.joining(", ",
                "{\"returnType\": " + name(type.returnType()) + ", \"parameterTypes\": [", "]"));
    }

    private static String name(Class<?> type) {
        if (type.isPrimitive()) {
            return "\"" + (type == void.class ? "" : "j") + type.getName() + "\"";
        }
        return "\"void*\"";
    }
}
