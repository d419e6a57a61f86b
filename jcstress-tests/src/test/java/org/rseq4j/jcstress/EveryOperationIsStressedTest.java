// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.MethodModel;
import java.lang.classfile.attribute.RuntimeInvisibleAnnotationsAttribute;
import java.lang.classfile.attribute.RuntimeVisibleAnnotationsAttribute;
import java.lang.classfile.instruction.InvokeDynamicInstruction;
import java.lang.classfile.instruction.InvokeInstruction;
import java.lang.constant.ConstantDesc;
import java.lang.constant.DirectMethodHandleDesc;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.Lock;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.JCStressTest;

/**
 * Every public method of every structure that changes something is called by an actor of a jcstress test. The list of
 * methods comes from reflection; what the actors call is read from their byte code, so no list of names can be wrong
 * about it.
 */
class EveryOperationIsStressedTest {
    /** Public types that are no structures: nothing two threads share, or no operation. */
    private static final Map<String, String> NO_STRUCTURES = Map.ofEntries(
            Map.entry("org.rseq4j.RseqStatus", "an immutable answer"),
            Map.entry("org.rseq4j.Rseq", "reads ids; PerCpuMemoryStress.Ids reads them"),
            Map.entry("org.rseq4j.counters.CounterFileReader", "reads; CounterFileStress reads by it"),
            Map.entry("org.rseq4j.counters.PerCpuMetrics", "shows counters to a registry, which is another library's"),
            Map.entry("org.rseq4j.counters.PerCpuPrometheusMeterRegistry", "makes meters of counters and summaries"),
            Map.entry("org.rseq4j.pools.PerCpuRecycler", "PerCpuPool by other names"),
            Map.entry("org.rseq4j.pools.PerCpuRecyclerPool", "PerCpuPool by other names"),
            Map.entry("org.rseq4j.jackson3.PerCpuRecyclerPool", "PerCpuPool by other names"),
            Map.entry("org.rseq4j.pools.PerCpuPoolMetrics", "shows a pool to a registry, which is another library's"),
            Map.entry("org.rseq4j.pools.PerCpuByteBufAllocator", "PerCpuBufferPool by other names"),
            Map.entry("org.rseq4j.pools.BufferPoolStatistics", "an immutable answer"),
            Map.entry("org.rseq4j.queues.IdleWaiting", "waits by a queue's own methods"),
            Map.entry("org.rseq4j.pools.PoolMisuse", "an immutable event"),
            Map.entry("org.rseq4j.pools.PoolStatistics", "an immutable answer"));

    /** Public methods that no actor calls, and why none needs to. */
    private static final Map<String, String> EXCLUDED = Exclusions.METHODS;

    /** Types that are being written, whose tests come with them; empty once they are there. */
    private static final List<String> AWAITED = List.of();

    /** Types behind whose interface the operations are: a call of the interface in the type's own test counts. */
    private static final Map<String, List<Class<?>>> BY_INTERFACE = Map.of(
            "org.rseq4j.locks.PerCpuReadWriteLock", List.of(Lock.class),
            "org.rseq4j.locks.ExtendedLock", List.of(Lock.class, Condition.class),
            "org.rseq4j.locks.SliceLock", List.of(Condition.class));

    @Test
    void everyPublicOperationStandsInATest() throws Exception {
        Map<String, Set<String>> called = calledByActors();
        Set<String> missing = new TreeSet<>();
        Set<String> excluded = new HashSet<>();
        List<Class<?>> structures = structures();
        assertTrue(structures.size() >= 10, () -> "found only " + structures);
        for (Class<?> structure : structures) {
            for (Method method : structure.getMethods()) {
                String owner = method.getDeclaringClass().getName();
                // What a type inherits from the JDK is made of its own methods.
                if (owner.startsWith("java.")) {
                    continue;
                }
                String name = structure.getName() + "." + method.getName();
                String wanted = method.getName() + "/" + method.getParameterCount();
                if (EXCLUDED.containsKey(name + "/" + method.getParameterCount())) {
                    excluded.add(name + "/" + method.getParameterCount());
                } else if (EXCLUDED.containsKey(name)) {
                    excluded.add(name);
                } else if (!called.getOrDefault(structure.getName(), Set.of()).contains(wanted)
                        && AWAITED.stream().noneMatch(name::startsWith)) {
                    missing.add(name + "/" + method.getParameterCount());
                }
            }
            for (Class<?> view : BY_INTERFACE.getOrDefault(structure.getName(), List.of())) {
                Set<String> calls = callsOf(view, structure);
                for (Method method : view.getMethods()) {
                    String name = structure.getName() + ":" + view.getSimpleName() + "." + method.getName() + "/"
                            + method.getParameterCount();
                    if (EXCLUDED.containsKey(name)) {
                        excluded.add(name);
                    } else if (!calls.contains(method.getName() + "/" + method.getParameterCount())) {
                        missing.add(name);
                    }
                }
            }
        }
        assertEquals(Set.of(), missing, "no actor of a jcstress test calls these: add a nested state to the structure's"
                + " class, or say in Exclusions why none is needed");
        Set<String> stale = new TreeSet<>(EXCLUDED.keySet());
        stale.removeAll(excluded);
        assertEquals(Set.of(), stale, "these exclusions exclude nothing");
    }

    /** A test class that jcstress does not know would be no test. */
    @Test
    void jcstressKnowsEveryTest() throws Exception {
        Set<String> known = new TreeSet<>();
        try (var stream = getClass().getResourceAsStream("/META-INF/TestList")) {
            assertTrue(stream != null, "the annotation processor made no list");
            String list = new String(stream.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
            for (ClassModel test : stressClasses()) {
                if (isTest(test)) {
                    String name = test.thisClass().asInternalName().replace('/', '.').replace('$', '.');
                    known.add(name);
                    assertTrue(list.contains(name), () -> name + " is not in the list");
                }
            }
        }
        assertTrue(known.size() >= 40, () -> "only " + known);
    }

    /** The public types of the exported packages that have operations. */
    private static List<Class<?>> structures() throws Exception {
        List<Class<?>> found = new ArrayList<>();
        for (String place : List.of("org.rseq4j.Rseq", "org.rseq4j.counters.PerCpuCounter")) {
            Path root = root(Class.forName(place));
            for (String folder : List.of("org/rseq4j", "org/rseq4j/counters", "org/rseq4j/queues", "org/rseq4j/pools",
                    "org/rseq4j/locks")) {
                if (!Files.isDirectory(root.resolve(folder))) {
                    continue;
                }
                try (Stream<Path> files = Files.list(root.resolve(folder))) {
                    for (Path file : files.sorted().toList()) {
                        String name = file.getFileName().toString();
                        if (!name.endsWith(".class") || name.contains("$") || name.endsWith("-info.class")) {
                            continue;
                        }
                        Class<?> type = Class.forName(
                                folder.replace('/', '.') + "." + name.substring(0, name.length() - 6), false,
                                EveryOperationIsStressedTest.class.getClassLoader());
                        if (Modifier.isPublic(type.getModifiers()) && !NO_STRUCTURES.containsKey(type.getName())) {
                            found.add(type);
                        }
                    }
                }
            }
        }
        return found;
    }

    /** A folder of classes, or the inside of a jar. */
    private static Path root(Class<?> type) throws URISyntaxException, IOException {
        Path place = Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(place)) {
            return place;
        }
        URI jar = URI.create("jar:" + place.toUri());
        FileSystem system;
        try {
            system = FileSystems.newFileSystem(jar, Map.of());
        } catch (java.nio.file.FileSystemAlreadyExistsException e) {
            system = FileSystems.getFileSystem(jar);
        }
        return system.getPath("/");
    }

    private static List<ClassModel> stressClasses() throws Exception {
        Path folder = root(PerCpuCounterStress.class).resolve("org/rseq4j/jcstress");
        List<ClassModel> models = new ArrayList<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
                models.add(ClassFile.of().parse(Files.readAllBytes(file)));
            }
        }
        return models;
    }

    private static boolean has(List<java.lang.classfile.Annotation> annotations, Class<?> type) {
        return annotations.stream().anyMatch(a -> a.classSymbol().equals(type.describeConstable().orElseThrow()));
    }

    private static boolean isTest(ClassModel type) {
        return type.findAttribute(java.lang.classfile.Attributes.runtimeVisibleAnnotations())
                .map(RuntimeVisibleAnnotationsAttribute::annotations)
                .filter(annotations -> has(annotations, JCStressTest.class)).isPresent()
                || type.findAttribute(java.lang.classfile.Attributes.runtimeInvisibleAnnotations())
                        .map(RuntimeInvisibleAnnotationsAttribute::annotations)
                        .filter(annotations -> has(annotations, JCStressTest.class)).isPresent();
    }

    private static boolean isActor(MethodModel method) {
        return method.findAttribute(java.lang.classfile.Attributes.runtimeVisibleAnnotations())
                .map(RuntimeVisibleAnnotationsAttribute::annotations)
                .filter(annotations -> has(annotations, Actor.class)).isPresent()
                || method.findAttribute(java.lang.classfile.Attributes.runtimeInvisibleAnnotations())
                        .map(RuntimeInvisibleAnnotationsAttribute::annotations)
                        .filter(annotations -> has(annotations, Actor.class)).isPresent();
    }

    private record Call(String owner, String name, String type) {
        String counted() {
            return name + "/" + java.lang.constant.MethodTypeDesc.ofDescriptor(type).parameterCount();
        }
    }

    private static List<Call> calls(MethodModel method) {
        List<Call> calls = new ArrayList<>();
        method.code().ifPresent(code -> code.forEach(element -> {
            if (element instanceof InvokeInstruction call) {
                calls.add(new Call(call.owner().asInternalName().replace('/', '.'), call.name().stringValue(),
                        call.type().stringValue()));
            } else if (element instanceof InvokeDynamicInstruction dynamic) {
                for (ConstantDesc argument : dynamic.bootstrapArgs()) {
                    if (argument instanceof DirectMethodHandleDesc handle) {
                        calls.add(new Call(name(handle.owner().descriptorString()), handle.methodName(),
                                handle.lookupDescriptor()));
                    }
                }
            }
        }));
        return calls;
    }

    private static String name(String descriptor) {
        return descriptor.substring(1, descriptor.length() - 1).replace('/', '.');
    }

    /** What the actors of the tests reach: directly, or by methods of the test classes themselves. */
    private static List<Call> reached(List<ClassModel> roots, List<ClassModel> all) {
        Map<String, MethodModel> own = new HashMap<>();
        Map<String, String> parents = new HashMap<>();
        for (ClassModel type : all) {
            String owner = type.thisClass().asInternalName().replace('/', '.');
            type.superclass().ifPresent(s -> parents.put(owner, s.asInternalName().replace('/', '.')));
            for (MethodModel method : type.methods()) {
                own.put(owner + "." + method.methodName() + method.methodType(), method);
            }
        }
        Deque<MethodModel> open = new ArrayDeque<>();
        for (ClassModel type : roots) {
            if (isTest(type)) {
                type.methods().stream().filter(EveryOperationIsStressedTest::isActor).forEach(open::add);
            }
        }
        Set<MethodModel> seen = new HashSet<>();
        List<Call> calls = new ArrayList<>();
        while (!open.isEmpty()) {
            MethodModel method = open.poll();
            if (!seen.add(method)) {
                continue;
            }
            for (Call call : calls(method)) {
                calls.add(call);
                for (String owner = call.owner; owner != null; owner = parents.get(owner)) {
                    MethodModel next = own.get(owner + "." + call.name + call.type);
                    if (next != null) {
                        open.add(next);
                        break;
                    }
                }
            }
        }
        return calls;
    }

    private static Map<String, Set<String>> calledByActors() throws Exception {
        List<ClassModel> all = stressClasses();
        Map<String, Set<String>> called = new TreeMap<>();
        for (Call call : reached(all, all)) {
            called.computeIfAbsent(call.owner, o -> new TreeSet<>()).add(call.counted());
        }
        return called;
    }

    /** The calls of an interface in the structure's own test class. */
    private static Set<String> callsOf(Class<?> view, Class<?> structure) throws Exception {
        List<ClassModel> all = stressClasses();
        String prefix = "org/rseq4j/jcstress/" + structure.getSimpleName() + "Stress$";
        List<ClassModel> roots = all.stream().filter(c -> c.thisClass().asInternalName().startsWith(prefix)).toList();
        Set<String> called = new TreeSet<>();
        for (Call call : reached(roots, all)) {
            if (call.owner.equals(view.getName())) {
                called.add(call.counted());
            }
        }
        return called;
    }
}
