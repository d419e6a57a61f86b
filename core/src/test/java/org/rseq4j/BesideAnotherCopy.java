// SPDX-License-Identifier: Apache-2.0
package org.rseq4j;

import java.io.File;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.rseq4j.stress.TestThreads;

/**
 * Runs a program, its name and its arguments given, beside another copy of the library: loaded by a class loader of its
 * own from the class path that {@code rseq4j.test.copy} is, the first in the process to load the native code, and used
 * all the time by a thread. Ends the process with status 3 when that copy counts wrong.
 */
public final class BesideAnotherCopy {
    private static final int STATUS = 3;

    private BesideAnotherCopy() {
    }

    /** Runs it. */
    public static void main(String[] arguments) throws Exception {
        List<URL> places = new ArrayList<>();
        for (String place : System.getProperty("rseq4j.test.copy").split(File.pathSeparator)) {
            places.add(Path.of(place).toUri().toURL());
        }
        var loader = new URLClassLoader("copy", places.toArray(URL[]::new), ClassLoader.getPlatformClassLoader());
        use(loader, 0);
        TestThreads.startDaemon(() -> {
            try {
                for (int round = 1;; round++) {
                    use(loader, round);
                    Thread.sleep(1);
                }
            } catch (Throwable e) {
                e.printStackTrace();
                Runtime.getRuntime().halt(STATUS);
            }
        });
        Class.forName(arguments[0]).getMethod("main", String[].class).invoke(null,
                (Object) Arrays.copyOfRange(arguments, 1, arguments.length));
    }

    private static void use(ClassLoader loader, int round) throws Exception {
        Class<?> rseq = loader.loadClass(Rseq.class.getName());
        if (rseq == Rseq.class) {
            throw new AssertionError("no copy, but the same");
        }
        Class<?> sections = loader.loadClass(SliceExtension.class.getName());
        Class<?> memories = loader.loadClass(PerCpuMemory.class.getName());
        Class<?> sequences = loader.loadClass(RestartableSequences.class.getName());
        Method add = sequences.getMethod("add", memories, long.class, long.class);
        Object byCpu = sequences.getMethod("byCpu").invoke(null);
        AutoCloseable memory = (AutoCloseable) memories.getMethod("allocate", long.class).invoke(null, 64L);
        try (memory) {
            for (long i = 0; i < 10; i++) {
                sections.getMethod("run", Runnable.class).invoke(null, (Runnable) () -> {});
                add.invoke(byCpu, memory, 8L, round + i);
            }
            long sum = (long) memories.getMethod("sum", long.class).invoke(memory, 8L);
            if (sum != 10L * round + 45) {
                throw new AssertionError("the copy's sum in round " + round + " is " + sum);
            }
        }
    }
}
