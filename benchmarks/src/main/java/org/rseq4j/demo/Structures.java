// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import org.jctools.queues.MpmcArrayQueue;
import org.rseq4j.queues.PerCpuQueue;
import org.rseq4j.queues.SliceBlockingQueue;
import org.rseq4j.queues.SliceMpmcArrayQueue;

/**
 * What the server is built from: statistics, a pool of buffers and a queue of access records.
 *
 * @param name as it was asked for, for example {@code jdk+queue=rseq4j}
 */
record Structures(String name, Statistics statistics, Buffers buffers, Queue<AccessRecord> queue) {
    /** Records that may wait for the writers. */
    static final int QUEUE_CAPACITY = 8192;

    private static final Map<String, Set<String>> CHOICES = choices();

    private static Map<String, Set<String>> choices() {
        Map<String, Set<String>> choices = new LinkedHashMap<>();
        choices.put("counters", Set.of("rseq4j", "jdk"));
        choices.put("pool", Set.of("rseq4j", "jdk"));
        choices.put("queue", Set.of("rseq4j", "jdk", "slice", "blocking", "jctools"));
        return choices;
    }

    /**
     * Makes the structures of a name: {@code rseq4j} or {@code jdk}, then one of another kind for each
     * {@code +part=kind}.
     *
     * @throws IllegalArgumentException when the name says something else, with what may be said
     */
    static Structures of(String name, Path folder) throws IOException {
        String[] words = name.split("\\+");
        Map<String, String> kinds = new LinkedHashMap<>();
        if (!words[0].equals("rseq4j") && !words[0].equals("jdk")) {
            throw new IllegalArgumentException("not rseq4j or jdk: " + words[0]);
        }
        CHOICES.keySet().forEach(part -> kinds.put(part, words[0]));
        for (int i = 1; i < words.length; i++) {
            String[] choice = words[i].split("=", 2);
            if (choice.length < 2 || !CHOICES.getOrDefault(choice[0], Set.of()).contains(choice[1])) {
                throw new IllegalArgumentException("not one of " + new java.util.TreeMap<>(CHOICES) + ": " + words[i]);
            }
            kinds.put(choice[0], choice[1]);
        }
        return new Structures(name,
                kinds.get("counters").equals("jdk")
                        ? new Statistics.Jdk()
                        : new Statistics.PerCpu(counterFile(name, folder)),
                kinds.get("pool").equals("jdk") ? new Buffers.Jdk() : new Buffers.PerCpu(),
                queue(kinds.get("queue")));
    }

    /** Where the counters of a side are that has some in a file; bin/stat shows them. */
    static Path counterFile(String name, Path folder) {
        return folder.resolve(name.equals("rseq4j") ? "counters" : "counters-" + name);
    }

    private static Queue<AccessRecord> queue(String kind) {
        return switch (kind) {
            case "jdk" -> new ArrayBlockingQueue<>(QUEUE_CAPACITY);
            case "slice" -> new SliceMpmcArrayQueue<>(QUEUE_CAPACITY);
            case "blocking" -> new SliceBlockingQueue<>(QUEUE_CAPACITY);
            case "jctools" -> new MpmcArrayQueue<>(QUEUE_CAPACITY);
            default -> new PerCpuQueue<>(QUEUE_CAPACITY);
        };
    }
}
