// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.rseq4j.stress.ChildJvm;

/**
 * When compiled code goes on in the interpreter, the JVM makes the objects that were not on the heap. Where there is no
 * memory for them it ends the frame without its handlers. So nothing may be locked then by that frame.
 */
@Timeout(value = 600, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@Tag("jvm")
class FullHeapInCompiledCodeTest {
    /** By that much is inlined whatever was compiled before, which else depends on the order of compilations. */
    private static final List<String> OPTIONS = List.of("-Xmx32m", "-XX:+UseSerialGC", "-Xbatch",
            "-XX:InlineSmallCode=20000");

    @Test
    void aSearchLeavesNothingLocked() throws Exception {
        ChildJvm.run("nothing stayed locked", Map.of(), OPTIONS, Full.class);
    }

    /** Its own classes of the queues for each attempt, as a branch is only once the first of its kind. */
    static final class Loader extends ClassLoader {
        Loader() {
            super(Loader.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (!name.startsWith("org.rseq4j.queues.") || name.contains("Test")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> loaded = findLoadedClass(name);
                if (loaded != null) {
                    return loaded;
                }
                try (InputStream in = getResourceAsStream(name.replace('.', '/') + ".class")) {
                    byte[] code = in.readAllBytes();
                    return defineClass(name, code, 0, code.length);
                } catch (IOException e) {
                    throw new ClassNotFoundException(name, e);
                }
            }
        }
    }

    static final class Full {
        private static final int CAPACITY = 64;
        /** Bytes that are left: from too few for what the operation makes to enough for everything. */
        private static final int LEAST = 200;
        private static final int MOST = 520;

        private static Object[] filled;
        static volatile byte[] left;

        private Full() {
        }

        public static void main(String[] arguments) throws Exception {
            Class.forName("java.lang.Shutdown"); // while there is memory for it
            int failed = 0;
            int done = 0;
            for (int bytes = LEAST; bytes <= MOST; bytes += 8) {
                @SuppressWarnings("unchecked")
                var queue = (Queue<Object>) new Loader().loadClass("org.rseq4j.queues.SliceMpmcArrayQueue")
                        .getConstructor(int.class).newInstance(CAPACITY);
                Object stranger = new Object();
                queue.add("one");
                for (int i = 0; i < 30_000; i++) {
                    queue.remove(stranger);
                }
                while (queue.offer("another")) {
                    continue; // so that they go round the array's end, for the first time
                }
                if (removeInFullHeap(queue, stranger, bytes)) {
                    done++;
                } else {
                    failed++;
                }
                var next = new Thread(queue::poll);
                next.setDaemon(true);
                next.start();
                next.join(10_000);
                if (next.isAlive()) {
                    System.out.println("locked with " + bytes + " bytes left");
                    System.exit(1);
                }
            }
            assertTrue(failed > 0 && done > 0, failed + " failed, " + done + " did not");
            System.out.println("nothing stayed locked");
            System.exit(0);
        }

        private static boolean removeInFullHeap(Queue<Object> queue, Object stranger, int bytes) {
            left = new byte[bytes];
            for (int longs = 1 << 18; longs > 0; longs >>= 6) {
                fill(longs);
            }
            fill(0);
            left = null;
            try {
                queue.remove(stranger);
                return true;
            } catch (OutOfMemoryError e) {
                return false;
            } finally {
                filled = null;
            }
        }

        private static void fill(int longs) {
            try {
                while (true) {
                    Object[] next = new Object[2];
                    next[0] = filled;
                    next[1] = new long[longs];
                    filled = next;
                }
            } catch (OutOfMemoryError e) {
                // as meant
            }
        }
    }
}
