// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/** Lincheck's histories of the strict queues: each must be one of an ArrayDeque, and those of an ArrayDeque are not. */
public final class Lincheck {
    private static final int ROOM = 2;

    private Lincheck() {
    }

    /** The calls that are strict, as the contract table says. */
    public abstract static class Calls {
        private final Queue<Integer> queue;

        Calls(Queue<Integer> queue) {
            this.queue = queue;
        }

        @Operation
        public boolean offer(int element) {
            return queue.offer(element);
        }

        @Operation
        public Integer poll() {
            return queue.poll();
        }

        @Operation
        public Integer peek() {
            return queue.peek();
        }

        @Operation
        public int size() {
            return queue.size();
        }

        @Operation
        public boolean isEmpty() {
            return queue.isEmpty();
        }

        @Operation
        public boolean contains(int element) {
            return queue.contains(element);
        }

        @Operation
        public boolean remove(int element) {
            return queue.remove((Object) element);
        }

        @Operation
        public void clear() {
            queue.clear();
        }
    }

    /** A queue with room for two. */
    public static final class Array extends Calls {
        public Array() {
            super(new SliceMpmcArrayQueue<>(ROOM));
        }
    }

    /** A queue with room for two. */
    public static final class Blocking extends Calls {
        public Blocking() {
            super(new SliceBlockingQueue<>(ROOM));
        }
    }

    /** A queue without a bound. */
    public static final class UnboundedBlocking extends Calls {
        public UnboundedBlocking() {
            super(new SliceBlockingQueue<>());
        }
    }

    /** A queue without a bound. */
    public static final class Unbounded extends Calls {
        public Unbounded() {
            super(new SliceMpmcUnboundedQueue<>());
        }
    }

    /** The control: not for several threads. */
    public static final class Unsafe extends Calls {
        public Unsafe() {
            super(new ArrayDeque<>());
        }
    }

    /** What a queue without a bound does. */
    public static class Any extends Calls {
        public Any() {
            super(new ArrayDeque<>());
        }
    }

    /** What a queue with room for two does. */
    public static final class Two extends Any {
        @Override
        public boolean offer(int element) {
            return size() < ROOM && super.offer(element);
        }
    }

    /** The number of scenarios, and how often each runs. */
    public static void main(String[] arguments) {
        Map<Class<?>, Class<?>> queues = new LinkedHashMap<>();
        queues.put(Unsafe.class, Any.class);
        queues.put(Array.class, Two.class);
        queues.put(Blocking.class, Two.class);
        queues.put(UnboundedBlocking.class, Any.class);
        queues.put(Unbounded.class, Any.class);
        boolean good = true;
        for (Map.Entry<Class<?>, Class<?>> entry : queues.entrySet()) {
            String found = "linearizable";
            try {
                new StressOptions().iterations(Integer.parseInt(arguments[0]))
                        .invocationsPerIteration(Integer.parseInt(arguments[1])).threads(3).actorsPerThread(3)
                        .sequentialSpecification(entry.getValue()).check(entry.getKey());
            } catch (LincheckAssertionError e) {
                found = "NOT LINEARIZABLE";
                if (entry.getKey() != Unsafe.class) {
                    System.out.println(e.getMessage());
                }
            }
            good &= found.equals("linearizable") == (entry.getKey() != Unsafe.class);
            System.out.println(entry.getKey().getSimpleName() + ": " + found);
        }
        System.exit(good ? 0 : 1);
    }
}
