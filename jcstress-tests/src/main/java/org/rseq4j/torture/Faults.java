// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.torture;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.Cleaner;
import java.lang.ref.WeakReference;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import jdk.management.VirtualThreadSchedulerMXBean;

/** The faults besides the storm. */
final class Faults {
    private Faults() {
    }

    /** Threads that are born, do one round of steps and die. */
    static final class Births extends Fault {
        private final Consumer<SplittableRandom> work;
        private final LongAdder born = new LongAdder();

        Births(Consumer<SplittableRandom> work) {
            super("threads born and dying");
            this.work = work;
        }

        @Override
        void inject(SplittableRandom random) throws InterruptedException {
            int n = random.nextInt(50, 150);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                SplittableRandom own = random.split();
                Thread thread = new Thread(() -> work.accept(own), "brief");
                thread.start();
                threads.add(thread);
                born.increment();
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }

        @Override
        void report(Map<String, Object> result) {
            result.put("threads born", born.sum());
        }
    }

    /** More or fewer carriers for the virtual threads. */
    static final class Carriers extends Fault {
        private static final boolean AVAILABLE = Runtime.version().feature() >= 24;

        private final VirtualThreadSchedulerMXBean scheduler = AVAILABLE
                ? ManagementFactory.getPlatformMXBean(VirtualThreadSchedulerMXBean.class)
                : null;
        private final int usual = AVAILABLE ? scheduler.getParallelism() : 0;

        Carriers() {
            super("carrier pool resized");
        }

        @Override
        String unavailable() {
            return AVAILABLE ? null : "needs Java 24";
        }

        @Override
        void inject(SplittableRandom random) {
            scheduler.setParallelism(random.nextInt(1, 9));
        }

        @Override
        void end() {
            scheduler.setParallelism(usual);
        }
    }

    /** Garbage, and now and then a whole collection. */
    static final class Garbage extends Fault {
        @SuppressWarnings("UnusedVariable") // keeps the compiler from dropping what is allocated
        private volatile Object sink;

        Garbage() {
            super("garbage collection");
        }

        @Override
        void inject(SplittableRandom random) {
            Object[] kept = new Object[64];
            for (int i = 0; i < 4_000; i++) {
                kept[random.nextInt(64)] = new byte[random.nextInt(64, 16_384)];
            }
            sink = kept;
            sink = null;
            if (random.nextInt(4) == 0) {
                System.gc();
            }
        }
    }

    /** Processes forked off this one. */
    static final class Children extends Fault {
        Children() {
            super("child processes");
        }

        @Override
        String unavailable() {
            return Files.isExecutable(Path.of("/bin/true")) ? null : "no /bin/true";
        }

        @Override
        void inject(SplittableRandom random) throws IOException, InterruptedException {
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                int status = new ProcessBuilder("/bin/true").start().waitFor();
                if (status != 0) {
                    throw new IOException("a child ended with status " + status);
                }
            }
        }
    }

    /** Interrupts: of sleep, of locks, of pools. */
    static final class Interrupts extends Fault {
        private final List<Thread> threads;

        Interrupts(List<Thread> threads) {
            super("interrupts");
            this.threads = threads;
        }

        @Override
        void inject(SplittableRandom random) {
            for (int i = 0; i < 16; i++) {
                threads.get(random.nextInt(threads.size())).interrupt();
            }
        }
    }

    /** Loaders of classes that use the library, unloaded afterwards; now and then one with a library of its own. */
    static final class Loaders extends Fault {
        private static final Cleaner CLEANER = Cleaner.create();

        private final Queue<WeakReference<ClassLoader>> loaders = new ConcurrentLinkedQueue<>();
        private final LongAdder loaded = new LongAdder();
        private final LongAdder unloaded = new LongAdder();

        Loaders() {
            super("class loaders unloaded");
        }

        @Override
        void inject(SplittableRandom random) throws Exception {
            URL own = Tenant.class.getProtectionDomain().getCodeSource().getLocation();
            // A copy of Tenant in a loader of its own, which finds the library in ours.
            try (URLClassLoader loader = new ChildFirst(new URL[]{own}, Faults.class.getClassLoader())) {
                loaded.increment();
                LongAdder count = unloaded;
                CLEANER.register(loader, count::increment);
                loaders.add(new WeakReference<>(loader));
                run(loader);
            }
        }

        private static void run(URLClassLoader loader) throws Exception {
            Class<?> type = loader.loadClass(Tenant.class.getName());
            if (type == Tenant.class) {
                throw new IllegalStateException("not another copy");
            }
            ((Runnable) type.getConstructor().newInstance()).run();
        }

        /**
         * A library of its own: a second native library, and a second registration beside the first. Its end never
         * comes.
         */
        static void secondLibrary() throws Exception {
            List<URL> path = new ArrayList<>();
            for (String entry : System.getProperty("java.class.path").split(":")) {
                URI place = Path.of(entry).toUri();
                path.add(place.toURL());
            }
            URLClassLoader loader = new URLClassLoader(path.toArray(URL[]::new),
                    ClassLoader.getPlatformClassLoader());
            run(loader);
        }

        @Override
        void end() throws InterruptedException {
            for (int i = 0; i < 50 && unloaded.sum() < loaded.sum(); i++) {
                System.gc();
                TimeUnit.MILLISECONDS.sleep(20);
            }
        }

        @Override
        void report(Map<String, Object> result) {
            result.put("loaders", loaded.sum());
            result.put("loaders unloaded", unloaded.sum());
        }

        private static final class ChildFirst extends URLClassLoader {
            ChildFirst(URL[] path, ClassLoader parent) {
                super(path, parent);
            }

            @Override
            protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
                synchronized (getClassLoadingLock(name)) {
                    if (name.startsWith(Tenant.class.getName())) {
                        Class<?> known = findLoadedClass(name);
                        return known != null ? known : findClass(name);
                    }
                    return super.loadClass(name, resolve);
                }
            }
        }
    }

    /** The library once more, from other class loaders: each has its own native library and its own registration. */
    static final class SecondLibrary extends Fault {
        private static final int MOST = 3; // what they reserve stays reserved

        private final LongAdder loaded = new LongAdder();

        SecondLibrary() {
            super("a second copy of the library");
        }

        @Override
        void inject(SplittableRandom random) throws Exception {
            if (loaded.sum() < MOST) {
                Loaders.secondLibrary();
                loaded.increment();
            }
        }

        @Override
        void report(Map<String, Object> result) {
            result.put(name(), loaded.sum());
        }
    }

    /** A file of the kernel to which one of some values is written. */
    abstract static class Written extends Fault {
        private final Path file;
        private final String[] values;

        Written(String name, Path file, String... values) {
            super(name);
            this.file = file;
            this.values = values;
        }

        @Override
        final boolean changesMachine() {
            return true;
        }

        @Override
        String unavailable() {
            return Files.isWritable(file) ? null : "cannot write " + file;
        }

        @Override
        void inject(SplittableRandom random) throws IOException {
            write(values[random.nextInt(values.length)]);
        }

        @Override
        void end() throws IOException {
            write(values[values.length - 1]);
        }

        final void write(String value) throws IOException {
            Files.writeString(file, value);
        }
    }

    /** The last CPU goes offline and comes back. */
    static final class Hotplug extends Written {
        Hotplug(int cpu) {
            super("CPU hotplug", Path.of("/sys/devices/system/cpu/cpu" + cpu + "/online"), "0", "1");
        }
    }

    /** How long a grant lasts. */
    static final class SliceLength extends Written {
        SliceLength() {
            super("slices of 5 and 50 us", Path.of("/sys/kernel/debug/rseq/slice_ext_nsec"), "5000", "50000");
        }
    }

    /** The CPUs that the process may use, by a control group of its own. */
    static final class Cpuset extends Fault {
        private static final Path ROOT = Path.of("/sys/fs/cgroup");
        private static final Path OWN = ROOT.resolve("rseq4j-torture-" + ProcessHandle.current().pid());

        private final int cpus;

        Cpuset(int cpus) {
            super("cpuset changes");
            this.cpus = cpus;
        }

        @Override
        boolean changesMachine() {
            return true;
        }

        @Override
        String unavailable() {
            try {
                List<String> controllers = Arrays
                        .asList(Files.readString(ROOT.resolve("cgroup.controllers")).strip().split(" "));
                if (!controllers.contains("cpuset")) {
                    return "no cpuset controller in " + ROOT;
                }
                Files.writeString(ROOT.resolve("cgroup.subtree_control"), "+cpuset");
                Files.createDirectory(OWN);
                Files.writeString(OWN.resolve("cpuset.cpus"), "0-" + (cpus - 1));
                Files.writeString(OWN.resolve("cgroup.procs"), Long.toString(ProcessHandle.current().pid()));
                return null;
            } catch (IOException e) {
                return e.toString();
            }
        }

        @Override
        void inject(SplittableRandom random) throws IOException {
            Files.writeString(OWN.resolve("cpuset.cpus"),
                    random.nextBoolean() ? "0-" + (cpus - 1) : Integer.toString(random.nextInt(cpus)));
        }

        @Override
        void end() throws IOException {
            Files.writeString(OWN.resolve("cpuset.cpus"), "0-" + (cpus - 1));
            Files.writeString(ROOT.resolve("cgroup.procs"), Long.toString(ProcessHandle.current().pid()));
            Files.deleteIfExists(OWN);
        }
    }
}
