// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.AbstractCollection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.LinkedTransferQueue;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import org.agrona.concurrent.ManyToManyConcurrentArrayQueue;
import org.jctools.queues.MessagePassingQueue;
import org.jctools.queues.MpmcArrayQueue;
import org.jctools.queues.MpmcUnboundedXaddArrayQueue;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;
import org.rseq4j.queues.SliceMpmcUnboundedQueue;

/** The queues that are compared. */
final class Queues {
    private static final Map<String, IntFunction<Transfer>> ALL = new LinkedHashMap<>();

    static {
        ALL.put("rseq4j PerCpuQueue", c -> new OfQueue(new PerCpuQueue<>(c), true));
        ALL.put("rseq4j PerCpuQueue relaxed", c -> new Relaxed(new PerCpuQueue<>(c)));
        ALL.put("rseq4j SliceMpmcArrayQueue", c -> new OfQueue(new SliceMpmcArrayQueue<>(c), true));
        ALL.put("rseq4j SliceMpmcArrayQueue relaxed", c -> new Relaxed(new SliceMpmcArrayQueue<>(c)));
        ALL.put("rseq4j SliceMpmcUnboundedQueue", c -> new OfQueue(new SliceMpmcUnboundedQueue<>(), false));
        ALL.put("JCTools MpmcArrayQueue", c -> new OfQueue(new MpmcArrayQueue<>(c), true));
        ALL.put("JCTools MpmcArrayQueue relaxed", c -> new Relaxed(new MpmcArrayQueue<>(c)));
        ALL.put("JCTools MpmcUnboundedXaddArrayQueue", c -> new OfQueue(new MpmcUnboundedXaddArrayQueue<>(c), false));
        ALL.put("Agrona ManyToManyConcurrentArrayQueue",
                c -> new OfQueue(new ManyToManyConcurrentArrayQueue<>(c), true));
        ALL.put("ConcurrentLinkedQueue", c -> new OfQueue(new ConcurrentLinkedQueue<>(), false));
        ALL.put("LinkedTransferQueue", c -> new OfQueue(new LinkedTransferQueue<>(), false));
        ALL.put("ArrayBlockingQueue", c -> new OfQueue(new ArrayBlockingQueue<>(c), true));
        ALL.put("rseq4j SliceBlockingQueue put take", c -> new Blocking(new SliceBlockingQueue<>(c), true));
        ALL.put("rseq4j SliceBlockingQueue fair put take", c -> new Blocking(new SliceBlockingQueue<>(c, true), true));
        ALL.put("rseq4j SliceBlockingQueue unbounded put take", c -> new Blocking(new SliceBlockingQueue<>(), false));
        ALL.put("ArrayBlockingQueue put take", c -> new Blocking(new ArrayBlockingQueue<>(c), true));
        ALL.put("ArrayBlockingQueue fair put take", c -> new Blocking(new ArrayBlockingQueue<>(c, true), true));
        ALL.put("LinkedBlockingQueue put take", c -> new Blocking(new LinkedBlockingQueue<>(c), true));
        ALL.put("LinkedTransferQueue put take", c -> new Blocking(new LinkedTransferQueue<>(), false));
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

        /** Whether an offer fails or waits where there is no room. */
        default boolean bounded() {
            return true;
        }

        /** {@return how many of the source's elements it took, at most so many} */
        default int fill(Source source, int limit) throws InterruptedException {
            int done = 0;
            while (done < limit && offer(source.get())) {
                done++;
            }
            return done;
        }

        /** {@return how many elements went to the sink, at most so many} */
        int drain(Sink sink, int limit);
    }

    /** Where a batch comes from. */
    interface Source extends MessagePassingQueue.Supplier<Object> {
    }

    /** Where a batch goes, in each of the forms that the queues know. */
    abstract static class Sink extends AbstractCollection<Object>
            implements
                MessagePassingQueue.Consumer<Object>,
                Consumer<Object> {
        @Override
        public final boolean add(Object element) {
            accept(element);
            return true;
        }

        @Override
        public final Iterator<Object> iterator() {
            throw new UnsupportedOperationException("a sink keeps nothing");
        }

        @Override
        public final int size() {
            return 0;
        }
    }

    @SuppressWarnings("unchecked")
    private static int fill(Queue<Object> queue, Source source, int limit) {
        if (queue instanceof MessagePassingQueue) {
            return ((MessagePassingQueue<Object>) queue).fill(source, limit);
        }
        int done = 0;
        while (done < limit && queue.offer(source.get())) {
            done++;
        }
        return done;
    }

    @SuppressWarnings("unchecked")
    private static int drain(Queue<Object> queue, Sink sink, int limit) {
        if (queue instanceof MessagePassingQueue) {
            return ((MessagePassingQueue<Object>) queue).drain(sink, limit);
        }
        if (queue instanceof BlockingQueue<Object> blocking) {
            return blocking.drainTo(sink, limit);
        }
        if (queue instanceof ManyToManyConcurrentArrayQueue<Object> agrona) {
            return agrona.drain((Consumer<Object>) sink, limit);
        }
        int done = 0;
        for (Object element; done < limit && (element = queue.poll()) != null; done++) {
            sink.accept(element);
        }
        return done;
    }

    private record OfQueue(Queue<Object> queue, boolean bounded) implements Transfer {
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

        @Override
        public int fill(Source source, int limit) {
            return Queues.fill(queue, source, limit);
        }

        @Override
        public int drain(Sink sink, int limit) {
            return Queues.drain(queue, sink, limit);
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

        @Override
        public int drain(Sink sink, int limit) {
            return queue.drain(sink, limit);
        }
    }

    private record Blocking(BlockingQueue<Object> queue, boolean bounded) implements Transfer {
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
        public int drain(Sink sink, int limit) {
            return queue.drainTo(sink, limit);
        }

        @Override
        public boolean blocks() {
            return true;
        }
    }
}
