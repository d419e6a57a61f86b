// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What GraalVM's native-image is told is what the library does. Native-image itself is not tried. */
@Tag("java")
class ReachabilityMetadataTest {
    private static final String FILE = "/META-INF/native-image/org.rseq4j/rseq4j-core/reachability-metadata.json";

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

    /** What options a call has cannot be asked. */
    @Test
    void everyCallIsNamed() throws Exception {
        assumeTrue(Runtime.version().feature() >= 22, "older ones call by JNI");
        assumeTrue(NativeLibrary.isAvailable(), "needs the native library");
        String metadata = metadata();
        List<String> missing = new ArrayList<>();
        int calls = 0;
        for (Class<?> group : NativeCalls.class.getDeclaredClasses()) {
            for (Field field : group.getDeclaredFields()) {
                if (field.getType() == MethodHandle.class && !field.getName().equals("TAKE_SIZE")) {
                    field.setAccessible(true);
                    calls++;
                    String descriptor = descriptor(((MethodHandle) field.get(null)).type());
                    if (!metadata.contains(descriptor)) {
                        missing.add(field.getName() + ": " + descriptor);
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(calls > 20, "calls: " + calls);
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
