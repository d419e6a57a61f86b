// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.layers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.net.URISyntaxException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuCounter;

/** Each package knows only those that are named here, so that no arrow goes up and none goes round. */
@EnabledForJreRange(min = JRE.JAVA_24)
@Tag("java")
class LayersTest {
    private static final String LINUX = "org.rseq4j.internal.linux";
    private static final String MEMORY = "org.rseq4j.internal.memory";
    private static final String THREAD = "org.rseq4j.internal.thread";
    private static final String SECTION = "org.rseq4j.internal.section";
    private static final String SEQUENCE = "org.rseq4j.internal.sequence";
    private static final String CORE = "org.rseq4j";
    private static final String DOCTOR = "org.rseq4j.internal";
    /** What the library says of itself: values that know nothing, and that whoever finds it out may know. */
    private static final String STATUS = "org.rseq4j.RseqStatus";
    private static final String COUNTERS = "org.rseq4j.counters";
    private static final String LOCKS = "org.rseq4j.locks";
    private static final String POOLS = "org.rseq4j.pools";
    private static final String QUEUES = "org.rseq4j.queues";
    private static final String EXECUTORS = "org.rseq4j.executors";

    /** What structures are made of: no number and no handle of Linux. */
    private static final Set<String> BELOW = Set.of(CORE, STATUS, MEMORY, THREAD, SECTION, SEQUENCE);

    private static final Map<String, Set<String>> KNOWN = Map.ofEntries(
            Map.entry(STATUS, Set.of()),
            Map.entry(LINUX, Set.of()),
            Map.entry(MEMORY, Set.of(LINUX)),
            Map.entry(THREAD, Set.of(LINUX, STATUS)),
            Map.entry(SECTION, Set.of(LINUX, THREAD)),
            Map.entry(SEQUENCE, Set.of(LINUX, THREAD, MEMORY)),
            Map.entry(CORE, BELOW),
            Map.entry(DOCTOR, Set.of(CORE, STATUS)),
            Map.entry(COUNTERS, BELOW),
            Map.entry(LOCKS, BELOW),
            Map.entry(QUEUES, BELOW),
            Map.entry(POOLS, and(COUNTERS)),
            Map.entry(EXECUTORS, Set.of(QUEUES, THREAD)));

    /** Adapters, whichever there are: they know what is public. */
    private static final Set<String> PUBLIC = Set.of(CORE, STATUS, COUNTERS, LOCKS, POOLS, QUEUES, EXECUTORS);

    private static final String FOREIGN = "java/lang/foreign/";
    /** What differs between versions of Java is in these classes. */
    private static final Set<String> BORDER = Set.of(LINUX + ".Memory", LINUX + ".NativeCalls", MEMORY + ".View");
    /** The buffer pool's methods with memory segments, which it inherits. */
    private static final String HANDS_OUT_SEGMENTS = POOLS + ".SegmentPool";

    private static Set<String> and(String more) {
        Set<String> all = new HashSet<>(BELOW);
        all.add(more);
        return all;
    }

    private static final Pattern NAME = Pattern.compile("(?<![\\w/$])L?(org/rseq4j/[\\w/]*[A-Z]\\w*)");

    /** A class, and one that it refers to. */
    private record Arrow(String from, String to) {
        boolean goesUp() {
            return !layer(from).equals(layer(to)) && !KNOWN.getOrDefault(layer(from), PUBLIC).contains(layer(to));
        }
    }

    private static String layer(String type) {
        return type.equals(STATUS) ? STATUS : type.substring(0, type.lastIndexOf('.'));
    }

    @Test
    void noArrowGoesUp() throws Exception {
        Set<Arrow> arrows = arrowsOf(Rseq.class);
        arrows.addAll(arrowsOf(PerCpuCounter.class));
        assertTrue(arrows.contains(new Arrow("org.rseq4j.Rseq", "org.rseq4j.internal.thread.Ids")));
        assertEquals("", arrows.stream().filter(Arrow::goesUp).map(arrow -> arrow.from + " -> " + arrow.to)
                .collect(Collectors.joining("\n")));
    }

    @Test
    void onlyTheBorderAndTheBufferPoolsMethodsForSegmentsKnowTheForeignMemoryApi() throws Exception {
        Set<String> know = new TreeSet<>();
        for (ClassModel model : classesBeside(Rseq.class)) {
            addForeign(model, know);
        }
        assertEquals(new TreeSet<>(BORDER), know);
        for (ClassModel model : classesBeside(PerCpuCounter.class)) {
            addForeign(model, know);
        }
        know.removeAll(BORDER);
        assertEquals(Set.of(HANDS_OUT_SEGMENTS), know);
    }

    private static void addForeign(ClassModel model, Set<String> know) {
        for (PoolEntry entry : model.constantPool()) {
            if (entry instanceof Utf8Entry text && text.stringValue().contains(FOREIGN)) {
                know.add(outermost(model.thisClass().asInternalName()));
            }
        }
    }

    /** All arrows from the classes that stand in one folder or jar with this one. */
    private static Set<Arrow> arrowsOf(Class<?> one) throws IOException, URISyntaxException {
        Set<Arrow> arrows = new HashSet<>();
        for (ClassModel model : classesBeside(one)) {
            String from = outermost(model.thisClass().asInternalName());
            for (PoolEntry entry : model.constantPool()) {
                if (entry instanceof Utf8Entry text) {
                    NAME.matcher(text.stringValue()).results()
                            .forEach(name -> arrows.add(new Arrow(from, outermost(name.group(1)))));
                }
            }
        }
        return arrows;
    }

    static List<ClassModel> classesBeside(Class<?> one) throws IOException, URISyntaxException {
        Path place = Path.of(one.getProtectionDomain().getCodeSource().getLocation().toURI());
        if (Files.isDirectory(place)) {
            return classesIn(place);
        }
        try (var jar = FileSystems.newFileSystem(place)) {
            return classesIn(jar.getPath("/"));
        }
    }

    private static List<ClassModel> classesIn(Path folder) throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(folder)) {
            // A jar's module descriptor names the main class.
            files = all.filter(file -> file.toString().endsWith(".class") && !file.endsWith("module-info.class"))
                    .toList();
        }
        List<ClassModel> classes = new ArrayList<>();
        for (Path file : files) {
            classes.add(ClassFile.of().parse(Files.readAllBytes(file)));
        }
        return classes;
    }

    static String outermost(String name) {
        int nested = name.indexOf('$');
        return (nested < 0 ? name : name.substring(0, nested)).replace('/', '.');
    }
}
