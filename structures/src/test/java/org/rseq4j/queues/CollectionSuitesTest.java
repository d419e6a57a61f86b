// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.queues;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.common.collect.testing.QueueTestSuiteBuilder;
import com.google.common.collect.testing.TestStringQueueGenerator;
import com.google.common.collect.testing.features.CollectionFeature;
import com.google.common.collect.testing.features.CollectionSize;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.function.Supplier;
import java.util.stream.Stream;
import junit.framework.Test;
import junit.framework.TestCase;
import junit.framework.TestSuite;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** Guava's suites for queues: everything that a queue may support, and no null. */
@Tag("java")
class CollectionSuitesTest {
    private static DynamicNode suite(String name, Supplier<Queue<String>> factory, boolean ordered) {
        var generator = new TestStringQueueGenerator() {
            @Override
            protected Queue<String> create(String[] elements) {
                Queue<String> queue = factory.get();
                Collections.addAll(queue, elements);
                return queue;
            }

            @Override
            public List<String> order(List<String> insertionOrder) {
                return insertionOrder;
            }
        };
        var builder = QueueTestSuiteBuilder.using(generator).named(name).withFeatures(CollectionSize.ANY,
                CollectionFeature.SUPPORTS_ADD, CollectionFeature.SUPPORTS_REMOVE,
                CollectionFeature.SUPPORTS_ITERATOR_REMOVE);
        if (ordered) {
            builder.withFeatures(CollectionFeature.KNOWN_ORDER);
        }
        return node(builder.createTestSuite());
    }

    private static DynamicNode node(Test test) {
        if (test instanceof TestSuite suite) {
            return DynamicContainer.dynamicContainer(suite.getName(),
                    Collections.list(suite.tests()).stream().map(CollectionSuitesTest::node));
        }
        return DynamicTest.dynamicTest(test.toString(), ((TestCase) test)::runBare);
    }

    private static long count(DynamicNode node) {
        return node instanceof DynamicContainer container
                ? container.getChildren().mapToLong(CollectionSuitesTest::count).sum()
                : 1;
    }

    @TestFactory
    Stream<DynamicNode> suites() {
        return Stream.of(
                suite("SliceMpmcArrayQueue", () -> new SliceMpmcArrayQueue<>(100), true),
                suite("SliceMpmcArrayQueue that wraps around", () -> new SliceMpmcArrayQueue<>(100, -2), true),
                suite("SliceBlockingQueue", () -> new SliceBlockingQueue<>(100), true),
                suite("SliceBlockingQueue without a bound", SliceBlockingQueue::new, true),
                suite("SliceBlockingQueue without a bound, short segments",
                        () -> new SliceBlockingQueue<>(Ring.unbounded(2, -1), false, 0), true),
                suite("SliceMpmcUnboundedQueue", SliceMpmcUnboundedQueue::new, true),
                suite("SliceMpmcUnboundedQueue, segments of one",
                        () -> new SliceMpmcUnboundedQueue<>(Ring.unbounded(1, -2)), true),
                suite("SliceBlockingQueue, fair", () -> new SliceBlockingQueue<>(100, true), true),
                suite("PerCpuQueue of one ring", () -> new PerCpuQueue<>(100, 1, 0), true),
                suite("PerCpuQueue of three rings", () -> new PerCpuQueue<>(300, 3, -2), false));
    }

    @org.junit.jupiter.api.Test
    void aSuiteHasTests() {
        assertTrue(count(suite("SliceMpmcArrayQueue", () -> new SliceMpmcArrayQueue<>(100), true)) > 100,
                Arrays.toString(CollectionSize.values()));
    }
}
