package org.rseq4j.benchmarks;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.function.IntFunction;
import org.agrona.concurrent.ManyToManyConcurrentArrayQueue;
import org.jctools.queues.MessagePassingQueue;
import org.jctools.queues.MpmcArrayQueue;
import org.jctools.queues.MpmcUnboundedXaddArrayQueue;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;

/** The queues that are compared. */
final class Queues {
    private static final Map<String, IntFunction<Transfer>> ALL = new LinkedHashMap<>();

    static {
        ALL.put("rseq4j PerCpuQueue", c -> new OfQueue(new PerCpuQueue<>(c)));
        ALL.put("rseq4j PerCpuQueue relaxed", c -> new Relaxed(new PerCpuQueue<>(c)));
        ALL.put("rseq4j SliceMpmcArrayQueue", c -> new OfQueue(new SliceMpmcArrayQueue<>(c)));
        ALL.put("rseq4j SliceMpmcArrayQueue relaxed", c -> new Relaxed(new SliceMpmcArrayQueue<>(c)));
        ALL.put("JCTools MpmcArrayQueue", c -> new OfQueue(new MpmcArrayQueue<>(c)));
        ALL.put("JCTools MpmcArrayQueue relaxed", c -> new Relaxed(new MpmcArrayQueue<>(c)));
        ALL.put("JCTools MpmcUnboundedXaddArrayQueue", c -> new OfQueue(new MpmcUnboundedXaddArrayQueue<>(c)));
        ALL.put("Agrona ManyToManyConcurrentArrayQueue", c -> new OfQueue(new ManyToManyConcurrentArrayQueue<>(c)));
        ALL.put("ConcurrentLinkedQueue", c -> new OfQueue(new ConcurrentLinkedQueue<>()));
        ALL.put("LinkedTransferQueue", c -> new OfQueue(new LinkedTransferQueue<>()));
        ALL.put("ArrayBlockingQueue", c -> new OfQueue(new ArrayBlockingQueue<>(c)));
        ALL.put("rseq4j SliceBlockingQueue put take", c -> new Blocking(new SliceBlockingQueue<>(c)));
        ALL.put("rseq4j SliceBlockingQueue fair put take", c -> new Blocking(new SliceBlockingQueue<>(c, true)));
        ALL.put("ArrayBlockingQueue put take", c -> new Blocking(new ArrayBlockingQueue<>(c)));
        ALL.put("LinkedBlockingQueue put take", c -> new Blocking(new LinkedBlockingQueue<>(c)));
        ALL.put("LinkedTransferQueue put take", c -> new Blocking(new LinkedTransferQueue<>()));
    }

    private Queues() {
    }

    static List<String> names() {
        return List.copyOf(ALL.keySet());
    }

    static Transfer make(String name, int capacity) {
        return ALL.get(name).apply(capacity);
    }

    /** One way to pass elements on. */
    interface Transfer {
        boolean offer(Object element) throws InterruptedException;

        Object poll() throws InterruptedException;

        boolean isEmpty();

        /** Whether offer and poll wait by themselves. */
        default boolean blocks() {
            return false;
        }
    }

    private record OfQueue(Queue<Object> queue) implements Transfer {
        @Override
        public boolean offer(Object element) {
            return queue.offer(element);
        }

        @Override
        public Object poll() {
            return queue.poll();
        }

        @Override
        public boolean isEmpty() {
            return queue.isEmpty();
        }
    }

    private record Relaxed(MessagePassingQueue<Object> queue) implements Transfer {
        @Override
        public boolean offer(Object element) {
            return queue.relaxedOffer(element);
        }

        @Override
        public Object poll() {
            return queue.relaxedPoll();
        }

        @Override
        public boolean isEmpty() {
            return queue.isEmpty();
        }
    }

    private record Blocking(BlockingQueue<Object> queue) implements Transfer {
        @Override
        public boolean offer(Object element) throws InterruptedException {
            queue.put(element);
            return true;
        }

        @Override
        public Object poll() throws InterruptedException {
            return queue.take();
        }

        @Override
        public boolean isEmpty() {
            return queue.isEmpty();
        }

        @Override
        public boolean blocks() {
            return true;
        }
    }
}
