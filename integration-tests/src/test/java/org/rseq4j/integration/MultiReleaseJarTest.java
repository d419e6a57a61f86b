// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Collectors;
import javax.tools.ToolProvider;
import org.jctools.queues.MessagePassingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.rseq4j.Rseq;
import org.rseq4j.counters.PerCpuCounter;
import org.rseq4j.internal.sequence.Sequences;
import org.rseq4j.pools.PerCpuBufferPool;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The jars on a new Java: the unit tests use the folders of classes, where everything is compiled together, but what is
 * in a jar is compiled beside the classes for Java 17.
 */
class MultiReleaseJarTest {
    private static final String VERSIONS = "META-INF/versions/";

    private static Path source(Class<?> type) throws Exception {
        return Path.of(type.getProtectionDomain().getCodeSource().getLocation().toURI());
    }

    @Test
    void theseAreTheJars() throws Exception {
        for (Class<?> type : List.of(Rseq.class, PerCpuCounter.class)) {
            assertTrue(source(type).toString().endsWith(".jar"), source(type)::toString);
        }
    }

    /** All of which know what Java 17 does not have, as {@code LayersTest} says. */
    @Test
    void onlyTheBorderIsThereForNewerVersionsAgain() throws Exception {
        assertEquals(Set.of("21/org/rseq4j/internal/thread/Threads", "22/org/rseq4j/internal/linux/Memory",
                "22/org/rseq4j/internal/linux/NativeCalls", "22/org/rseq4j/internal/memory/View"),
                classesForNewerVersions(Rseq.class));
        assertEquals(Set.of("22/org/rseq4j/pools/SegmentPool"), classesForNewerVersions(PerCpuCounter.class));
    }

    private static Set<String> classesForNewerVersions(Class<?> type) throws Exception {
        try (JarFile jar = new JarFile(source(type).toFile())) {
            return jar.stream().map(JarEntry::getName)
                    .filter(name -> name.startsWith(VERSIONS) && name.endsWith(".class"))
                    .map(name -> name.substring(VERSIONS.length()).replaceFirst("([$].*)?[.]class$", ""))
                    .collect(Collectors.toSet());
        }
    }

    /** {@code jar --describe-module} and stack traces say it. */
    @Test
    void theModulesHaveTheJarsVersion() throws Exception {
        for (Class<?> type : List.of(Rseq.class, PerCpuCounter.class)) {
            try (JarFile jar = new JarFile(source(type).toFile())) {
                String version = jar.getManifest().getMainAttributes().getValue("Bundle-Version");
                ModuleDescriptor module = ModuleFinder.of(source(type)).findAll().iterator().next().descriptor();
                assertEquals(Optional.of(version), module.rawVersion(), module::toString);
            }
        }
    }

    /** Else a compiler for an older Java, which has no such class, would refuse every call of a method of that name. */
    @ParameterizedTest
    @CsvSource({"17, false", "21, false", "22, true"})
    void whoCompilesForAnOlderJavaMeetsNoMethodWithASegment(String release, boolean meets, @TempDir Path folder)
            throws Exception {
        assertEquals("", compile(release, folder, "pool.release(pool.acquireByteBuffer(10));"));
        String said = compile(release, folder, "pool.acquire(10);");
        assertEquals(meets, said.isEmpty(), said);
    }

    /** What the compiler says of a statement that uses a buffer pool. */
    private static String compile(String release, Path folder, String statement) throws Exception {
        Path use = Files.writeString(folder.resolve("Use.java"),
                "class Use { static void use(" + PerCpuBufferPool.class.getName() + " pool) { " + statement + " } }");
        String path = source(Rseq.class) + File.pathSeparator + source(PerCpuCounter.class);
        var said = new ByteArrayOutputStream();
        int status = ToolProvider.getSystemJavaCompiler().run(null, said, said, "--release", release, "-proc:none",
                "-cp", path, "-d", folder.toString(), use.toString());
        return status == 0 ? "" : said.toString(StandardCharsets.UTF_8);
    }

    @Test
    void nativeImageFindsWellFormedMetadata() throws Exception {
        try (JarFile jar = new JarFile(source(Rseq.class).toFile())) {
            JarEntry entry = jar
                    .getJarEntry("META-INF/native-image/org.rseq4j/rseq4j-core/reachability-metadata.json");
            JsonNode metadata = new JsonMapper().readTree(jar.getInputStream(entry));
            assertFalse(metadata.path("foreign").path("downcalls").isEmpty(), metadata::toString);
            assertFalse(metadata.path("resources").isEmpty(), metadata::toString);
        }
    }

    @Test
    void aCounterAddsBySequenceWhereThereAreSome() {
        assertEquals(Sequences.NATIVE, Sequences.QUICK);
    }

    @Test
    void misuseDetectionKnowsWhetherABufferIsAlive() {
        try (var pool = PerCpuBufferPool.builder().maxBytes(1 << 22).detectMisuse(misuse -> {}).build()) {
            ByteBuffer first = pool.acquireByteBuffer(4096);
            pool.release(first);
            ByteBuffer second = pool.acquireByteBuffer(4096); // at the same place
            assertThrows(IllegalStateException.class, () -> pool.release(first));
            second.put(0, (byte) 1);
            pool.release(second);
        }
    }

    /** As after shading: what is for Java 17 runs then, by JNI, but has what this Java has. */
    @Test
    void jarsThatLostTheAttributeHaveVirtualThreads(@TempDir Path folder) throws Exception {
        List<URL> urls = new ArrayList<>();
        for (Class<?> type : List.of(Rseq.class, PerCpuCounter.class, MessagePassingQueue.class)) {
            urls.add(withoutManifest(source(type), folder.resolve(type.getSimpleName() + ".jar")).toUri().toURL());
        }
        try (var loader = new URLClassLoader(urls.toArray(URL[]::new), ClassLoader.getPlatformClassLoader())) {
            Class<?> executors = loader.loadClass("org.rseq4j.executors.Executors");
            var perTask = (ExecutorService) executors.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
            assertTrue(perTask.submit(() -> Thread.currentThread().isVirtual()).get());
            perTask.shutdown();
        }
    }

    private static Path withoutManifest(Path jar, Path copy) throws Exception {
        Files.copy(jar, copy);
        try (FileSystem files = FileSystems.newFileSystem(copy)) {
            Files.delete(files.getPath(JarFile.MANIFEST_NAME));
        }
        return copy;
    }
}
