// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.felix.framework.Felix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.osgi.framework.Bundle;
import org.osgi.framework.Constants;
import org.rseq4j.Rseq;

/** The jars as bundles. */
class FelixTest {
    @TempDir
    private Path work;

    @Test
    void theBundlesResolveWithHdrHistogramAndWithout() throws Exception {
        for (boolean histograms : List.of(true, false)) {
            Felix felix = felix(work.resolve("cache-" + histograms));
            felix.start();
            try {
                Bundle structures = install(felix, histograms);
                Class<?> type = structures.loadClass("org.rseq4j.counters.PerCpuCounter");
                assertNotSame(org.rseq4j.counters.PerCpuCounter.class, type);
                Object counter = type.getConstructor().newInstance();
                type.getMethod("increment").invoke(counter);
                assertEquals(1L, type.getMethod("sum").invoke(counter));
                Class<?> rseq = structures.loadClass("org.rseq4j.Rseq");
                assertSame(bundle(felix, "org.rseq4j.core").loadClass("org.rseq4j.Rseq"), rseq);
                Object status = rseq.getMethod("status").invoke(null);
                assertEquals(Rseq.status().registration().name(),
                        status.getClass().getMethod("registration").invoke(status).toString(),
                        "the native library is found");
                Class<?> histogram = structures.loadClass("org.rseq4j.counters.PerCpuHistogram");
                Object values = histogram.getConstructor(long.class, int.class).newInstance(1000L, 2);
                histogram.getMethod("record", long.class).invoke(values, 10L);
                if (histograms) {
                    Object snapshot = histogram.getMethod("snapshot").invoke(values);
                    assertEquals(1L, snapshot.getClass().getMethod("getTotalCount").invoke(snapshot));
                }
            } finally {
                felix.stop();
                felix.waitForStop(100_000);
            }
        }
    }

    private static Felix felix(Path cache) {
        Map<String, Object> settings = new HashMap<>();
        settings.put(Constants.FRAMEWORK_STORAGE, cache.toString());
        // HdrHistogram 2.2.2 asks for a package that left the JDK, for a method that nobody here calls.
        settings.put(Constants.FRAMEWORK_SYSTEMPACKAGES_EXTRA, "javax.xml.bind");
        settings.put(Constants.FRAMEWORK_STORAGE_CLEAN, Constants.FRAMEWORK_STORAGE_CLEAN_ONFIRSTINIT);
        return new Felix(settings);
    }

    /**
     * Installs this library's jars, JCTools' and HdrHistogram's, of those that the application has, starts them, and
     * returns the structures' bundle. (The client library for Prometheus is no complete set of bundles.)
     */
    private static Bundle install(Felix felix, boolean histograms) throws Exception {
        try (Stream<Path> jars = Files.list(Container.APPLICATION.resolve("WEB-INF/lib"))) {
            for (Path jar : jars.filter(jar -> isWanted(jar.getFileName().toString(), histograms)).toList()) {
                felix.getBundleContext().installBundle(jar.toUri().toString());
            }
        }
        for (Bundle bundle : felix.getBundleContext().getBundles()) {
            bundle.start();
            assertEquals(Bundle.ACTIVE, bundle.getState(), bundle::getSymbolicName);
        }
        return bundle(felix, "org.rseq4j.structures");
    }

    private static boolean isWanted(String jar, boolean histograms) {
        return jar.startsWith("rseq4j-") || jar.startsWith("jctools-") || histograms && jar.startsWith("HdrHistogram-");
    }

    private static Bundle bundle(Felix felix, String name) {
        return Stream.of(felix.getBundleContext().getBundles()).filter(bundle -> bundle.getSymbolicName().equals(name))
                .findFirst().orElseThrow();
    }
}
