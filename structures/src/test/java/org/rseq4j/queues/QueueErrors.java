// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jctools.queues.MessagePassingQueue;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.stress.TestThreads;

/**
 * A program: a recursion that calls one operation of a queue in each of the last frames before the stack is full, again
 * and again. Afterwards another thread has to find the queue whole: everything there once that went in by a call that
 * returned, room for as much as fits, and nobody who waits in vain. It prints a line a queue and ends with 1 if one of
 * ours has failed.
 */
@SuppressWarnings("unchecked")
final class QueueErrors {
    /** Frames from the end of the stack in which the operation is called. */
    private static final int FRAMES = 300;
    private static final int CAPACITY = 4;

    /** What is done to it is recorded by fields alone: a call could throw. */
    private static final class Item {
        int in;
        int out;
        /** Whether an error may have cost it: it had been given to somebody, or its removal was asked for. */
        boolean mayBeGone;
    }

    private interface Call {
        void run(Queue<Item> queue, Item[] items) throws Exception;
    }

    private QueueErrors() {
    }

    private static Map<String, Supplier<Queue<Item>>> kinds() {
        Map<String, Supplier<Queue<Item>>> kinds = new LinkedHashMap<>();
        kinds.put("SliceMpmcArrayQueue", () -> new SliceMpmcArrayQueue<>(CAPACITY));
        kinds.put("SliceMpmcArrayQueue with turns", () -> new SliceMpmcArrayQueue<>(CAPACITY, -3, true));
        kinds.put("SliceMpmcUnboundedQueue", () -> new SliceMpmcUnboundedQueue<>(Ring.unbounded(2, 0)));
        kinds.put("SliceBlockingQueue", () -> new SliceBlockingQueue<>(CAPACITY));
        kinds.put("SliceBlockingQueue, fair", () -> new SliceBlockingQueue<>(CAPACITY, true));
        kinds.put("SliceBlockingQueue without a bound",
                () -> new SliceBlockingQueue<>(Ring.unbounded(2, 0), false, 0));
        kinds.put("PerCpuQueue", () -> new PerCpuQueue<>(CAPACITY, 2, 0));
        kinds.put("peer ArrayBlockingQueue", () -> new ArrayBlockingQueue<>(CAPACITY));
        kinds.put("peer LinkedBlockingQueue", () -> new LinkedBlockingQueue<>(CAPACITY));
        kinds.put("peer ConcurrentLinkedQueue", ConcurrentLinkedQueue::new);
        kinds.put("peer MpmcArrayQueue", () -> new MpmcArrayQueue<>(CAPACITY));
        return kinds;
    }

    private static Map<String, Call> calls() {
        Map<String, Call> calls = new LinkedHashMap<>();
        calls.put("offer", (queue, items) -> {
            if (queue.offer(items[0])) {
                items[0].in++;
            }
        });
        calls.put("poll", (queue, items) -> {
            Item item = queue.poll();
            if (item != null) {
                item.out++;
            }
        });
        calls.put("peek", (queue, items) -> queue.peek());
        calls.put("remove", (queue, items) -> {
            Item first = queue.peek();
            if (first != null) {
                first.mayBeGone = true;
                if (queue.remove(first)) {
                    first.out++;
                }
            }
        });
        calls.put("contains", (queue, items) -> {
            if (queue.contains(items[0])) {
                items[0].mayBeGone = true;
            }
        });
        calls.put("iterate", (queue, items) -> {
            for (var iterator = queue.iterator(); iterator.hasNext();) {
                iterator.next();
            }
        });
        return calls;
    }

    private static Map<String, Call> callsOf(Queue<Item> queue) {
        Map<String, Call> calls = calls();
        if (queue instanceof MessagePassingQueue) {
            calls.put("relaxedOffer", (q, items) -> {
                if (((MessagePassingQueue<Item>) q).relaxedOffer(items[0])) {
                    items[0].in++;
                }
            });
            calls.put("relaxedPoll", (q, items) -> {
                Item item = ((MessagePassingQueue<Item>) q).relaxedPoll();
                if (item != null) {
                    item.out++;
                }
            });
            calls.put("fill", (q, items) -> {
                items[0].mayBeGone = true; // JCTools' own loses what the supplier gave
                ((MessagePassingQueue<Item>) q).fill(() -> items[0], 1);
            });
        }
        if (queue instanceof BlockingQueue) {
            calls.put("timed offer", (q, items) -> {
                if (((BlockingQueue<Item>) q).offer(items[0], 1, TimeUnit.NANOSECONDS)) {
                    items[0].in++;
                }
            });
            calls.put("timed poll", (q, items) -> {
                Item item = ((BlockingQueue<Item>) q).poll(1, TimeUnit.NANOSECONDS);
                if (item != null) {
                    item.out++;
                }
            });
        }
        return calls;
    }

    private static int deepest(Queue<Item> queue, Call call, List<Item> all) {
        int frames;
        try {
            frames = deepest(queue, call, all) + 1;
        } catch (StackOverflowError e) {
            frames = 0;
        }
        if (frames < FRAMES) {
            try {
                Item[] items = {new Item()};
                all.add(items[0]);
                call.run(queue, items);
            } catch (StackOverflowError e) {
                return frames;
            } catch (Exception e) {
                throw new AssertionError(e);
            }
        }
        return frames;
    }

    /** What is wrong with the queue, null when nothing is. */
    private static String fault(Queue<Item> queue, List<Item> all) {
        for (Item item; (item = queue.poll()) != null;) {
            item.out++;
        }
        int lost = 0;
        int doubled = 0;
        for (Item item : all) {
            doubled += item.out > 1 ? 1 : 0;
            lost += item.in > item.out && !item.mayBeGone ? 1 : 0;
        }
        if (lost + doubled > 0) {
            return lost + " lost, " + doubled + " doubled";
        }
        if (!queue.isEmpty() || queue.size() != 0) {
            return "not empty: " + queue.size();
        }
        for (int i = 0; i < CAPACITY; i++) {
            if (!queue.offer(new Item())) {
                return "room for " + i + " of " + CAPACITY;
            }
        }
        for (int i = 0; i < CAPACITY; i++) {
            if (queue.poll() == null) {
                return "an element is not to be had";
            }
        }
        return null;
    }

    /** Runs an action in a thread of its own; false when that does not end. */
    private static boolean ends(Runnable action, int stack) throws InterruptedException {
        var thread = new Thread(null, action, "errors", stack);
        thread.setDaemon(true);
        thread.start();
        thread.join(20_000);
        return !thread.isAlive();
    }

    private static String round(Supplier<Queue<Item>> factory, String name) throws InterruptedException {
        Queue<Item> queue = factory.get();
        Call call = callsOf(queue).get(name);
        List<Item> all = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            var item = new Item();
            item.in++;
            queue.offer(item);
            all.add(item);
        }
        String[] fault = {"hangs"};
        Throwable[] thrown = new Throwable[1];
        boolean ended = ends(() -> {
            try {
                deepest(queue, call, all);
            } catch (Throwable e) {
                thrown[0] = e;
            }
        }, 1 << 18) && ends(() -> fault[0] = fault(queue, all), 0);
        return thrown[0] != null ? thrown[0].toString() : ended ? fault[0] : "hangs";
    }

    /**
     * A taker that waits gets each element although the thread that offers has no stack left behind each of its calls.
     */
    private static String wakes(BlockingQueue<Item> queue) throws InterruptedException {
        List<Item> all = new ArrayList<>();
        int[] taken = new int[1];
        var taker = new Thread(() -> {
            try {
                while (true) {
                    queue.take().out++;
                    taken[0]++;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        taker.setDaemon(true);
        taker.start();
        Call paced = (q, items) -> {
            if (q.offer(items[0])) {
                items[0].in++;
            }
        };
        boolean ended = ends(() -> {
            for (int i = 0; i < 5; i++) {
                deepest(queue, paced, all);
            }
        }, 1 << 18);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (ended && !queue.isEmpty() && System.nanoTime() < deadline) {
            Thread.sleep(1);
        }
        boolean left = !queue.isEmpty();
        taker.interrupt();
        taker.join(20_000);
        return !ended || taker.isAlive() ? "hangs" : left ? "a taker sleeps beside an element" : null;
    }

    private static int deepestRemoval(Queue<Item> queue, Item[] items, int[] next) {
        int frames;
        try {
            frames = deepestRemoval(queue, items, next) + 1;
        } catch (StackOverflowError e) {
            frames = 0;
        }
        if (frames < FRAMES && next[0] > 0) {
            try {
                Item last = items[--next[0]];
                last.mayBeGone = true;
                if (queue.remove(last)) {
                    last.out++;
                }
            } catch (StackOverflowError e) {
                return frames;
            }
        }
        return frames;
    }

    /** Removes what has hundreds before it, which move up. */
    private static String moves(Queue<Item> queue) throws InterruptedException {
        Item[] items = new Item[2000];
        for (int i = 0; i < items.length; i++) {
            items[i] = new Item();
            items[i].in++;
            queue.add(items[i]);
        }
        int[] next = {items.length};
        if (!ends(() -> {
            for (int i = 0; i < 4; i++) {
                deepestRemoval(queue, items, next);
            }
        }, 1 << 18)) {
            return "hangs";
        }
        String[] fault = {"hangs"};
        ends(() -> {
            int before = queue.size();
            List<Item> left = List.copyOf(queue);
            queue.clear();
            left.forEach(item -> item.out++);
            fault[0] = left.size() != before ? left.size() + " of " + before + " are shown" : null;
            for (int i = 0; i < items.length; i++) {
                boolean lost = items[i].in > items[i].out && !items[i].mayBeGone;
                if (lost || items[i].out > 1) {
                    fault[0] = (lost ? "lost: " : "doubled: ") + i + " before " + next[0];
                }
            }
        }, 0);
        return fault[0];
    }

    private static int deepestWait(Waiters waiters, Waiters.Attempt attempt, int[] got) {
        int frames;
        try {
            frames = deepestWait(waiters, attempt, got) + 1;
        } catch (StackOverflowError e) {
            frames = 0;
        }
        if (frames < FRAMES) {
            try {
                waiters.await(attempt, null, Long.MAX_VALUE);
                got[0]++;
            } catch (StackOverflowError e) {
                return frames;
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        }
        return frames;
    }

    /** What a waiter in line has taken it returns, though it has no stack left to call the one behind it. */
    private static String returns() throws InterruptedException {
        var ring = new Ring(CAPACITY, 0);
        ring.tryOffer(1, 0);
        var waiters = new Waiters(ring, true, false, Long.MAX_VALUE, new Yields(ring));
        Thread first = TestThreads.startDaemon(() -> {
            try {
                waiters.await((element, nanos) -> null, null, Long.MAX_VALUE);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        int[] taken = new int[1];
        int[] got = new int[1];
        Waiters.Attempt attempt = (element, nanos) -> {
            if (nanos == 0) {
                return null; // not in line yet
            }
            taken[0]++;
            return ring;
        };
        boolean ended = ends(() -> {
            for (int i = 0; i < 5; i++) {
                deepestWait(waiters, attempt, got);
            }
        }, 1 << 18);
        first.interrupt();
        first.join(20_000);
        int lost = taken[0] - got[0];
        return !ended || first.isAlive()
                ? "hangs"
                : lost > 0 ? lost + " of " + taken[0] + " lost" : waiters.count() > 0 ? "left" : null;
    }

    /** Arguments: rounds, then "ours" or a part of the names of queues. */
    public static void main(String[] arguments) throws Exception {
        int rounds = Integer.parseInt(arguments[0]);
        boolean failed = false;
        for (var kind : kinds().entrySet()) {
            boolean peer = kind.getKey().startsWith("peer");
            if (arguments.length > 1 && !(arguments[1].equals("ours") ? !peer : kind.getKey().contains(arguments[1]))) {
                continue;
            }
            Map<String, Integer> faults = new LinkedHashMap<>();
            for (String call : callsOf(kind.getValue().get()).keySet()) {
                for (int i = 0; i < rounds; i++) {
                    String fault = round(kind.getValue(), call);
                    if (fault != null) {
                        faults.merge(call + ": " + fault, 1, Integer::sum);
                        if (fault.equals("hangs")) {
                            break;
                        }
                    }
                }
            }
            if (kind.getValue().get() instanceof BlockingQueue<Item>) {
                for (int i = 0; i < rounds; i++) {
                    String fault = wakes((BlockingQueue<Item>) kind.getValue().get());
                    if (fault != null) {
                        faults.merge("wake-up: " + fault, 1, Integer::sum);
                    }
                }
            }
            System.out.println(kind.getKey() + " " + (faults.isEmpty() ? "whole" : faults));
            failed |= !faults.isEmpty() && !peer;
        }
        for (int i = 0; i < rounds; i++) {
            for (Queue<Item> queue : List.<Queue<Item>>of(new SliceMpmcArrayQueue<>(2000),
                    new SliceMpmcUnboundedQueue<>(Ring.unbounded(64, 0)))) {
                String fault = moves(queue);
                System.out.println(queue.getClass().getSimpleName() + " of many " + (fault == null ? "whole" : fault));
                failed |= fault != null;
            }
        }
        for (int i = 0; i < rounds; i++) {
            String fault = returns();
            System.out.println("Waiters " + (fault == null ? "whole" : fault));
            failed |= fault != null;
        }
        System.out.println(failed ? "failed" : "all whole");
        System.exit(failed ? 1 : 0);
    }
}
