// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayDeque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.locks.Lock;
import org.jetbrains.lincheck.LincheckAssertionError;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.StressOptions;
import org.rseq4j.locks.PerCpuReadWriteLock;
import org.rseq4j.locks.SliceLock;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/**
 * Lincheck's histories of the strict queues, and of what the locks guard: each must be one of an ArrayDeque or of two
 * numbers that nobody else uses; those of an ArrayDeque alone are not.
 */
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

    /** Two numbers that are always the same. */
    public static class Numbers {
        int first;
        int second;

        @Operation
        public int set(int value) {
            int before = first;
            first = value;
            second = value;
            return before;
        }

        @Operation
        public int read() {
            return 31 * first + second;
        }

        @Operation
        public int look() {
            return 31 * first + second;
        }
    }

    /** The same under a lock; where there is one that writes, the other one only reads. */
    private abstract static class Guarded extends Numbers {
        private final Lock writing;
        private final Lock reading;

        Guarded(Lock writing, Lock reading) {
            this.writing = writing;
            this.reading = reading;
        }

        @Override
        public int set(int value) {
            writing.lock();
            try {
                return super.set(value);
            } finally {
                writing.unlock();
            }
        }

        @Override
        public int read() {
            reading.lock();
            try {
                return super.read();
            } finally {
                reading.unlock();
            }
        }

        @Override
        public int look() {
            return read();
        }
    }

    /** By a SliceLock. */
    public static final class Locked extends Guarded {
        public Locked() {
            this(new SliceLock());
        }

        private Locked(Lock lock) {
            super(lock, lock);
        }
    }

    /** By a fair SliceLock. */
    public static final class FairlyLocked extends Guarded {
        public FairlyLocked() {
            this(SliceLock.builder().fair().build());
        }

        private FairlyLocked(Lock lock) {
            super(lock, lock);
        }
    }

    /** By a read-write lock, and without a lock as long as nobody writes. */
    public static final class Optimistic extends Guarded {
        private final PerCpuReadWriteLock lock;

        public Optimistic() {
            this(new PerCpuReadWriteLock());
        }

        private Optimistic(PerCpuReadWriteLock lock) {
            super(lock.writeLock(), lock.readLock());
            this.lock = lock;
        }

        @Override
        public int look() {
            long stamp = lock.tryOptimisticRead();
            int seen = 31 * first + second;
            return lock.validate(stamp) ? seen : read();
        }
    }

    /** By a read-write lock that is fair and reentrant. */
    public static final class FairReadWrite extends Guarded {
        public FairReadWrite() {
            this(PerCpuReadWriteLock.builder().fair().reentrant().build());
        }

        private FairReadWrite(PerCpuReadWriteLock lock) {
            super(lock.writeLock(), lock.readLock());
        }
    }

    /** The number of scenarios, and how often each runs. */
    public static void main(String[] arguments) {
        Map<Class<?>, Class<?>> tested = new LinkedHashMap<>();
        tested.put(Unsafe.class, Any.class);
        tested.put(Array.class, Two.class);
        tested.put(Blocking.class, Two.class);
        tested.put(UnboundedBlocking.class, Any.class);
        tested.put(Unbounded.class, Any.class);
        tested.put(Locked.class, Numbers.class);
        tested.put(FairlyLocked.class, Numbers.class);
        tested.put(Optimistic.class, Numbers.class);
        tested.put(FairReadWrite.class, Numbers.class);
        boolean good = true;
        for (Map.Entry<Class<?>, Class<?>> entry : tested.entrySet()) {
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
