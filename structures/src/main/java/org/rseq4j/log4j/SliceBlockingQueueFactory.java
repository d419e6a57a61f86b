// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.log4j;

import java.util.concurrent.BlockingQueue;
import org.apache.logging.log4j.core.Core;
import org.apache.logging.log4j.core.async.BlockingQueueFactory;
import org.apache.logging.log4j.core.config.plugins.Plugin;
import org.apache.logging.log4j.core.config.plugins.PluginAttribute;
import org.apache.logging.log4j.core.config.plugins.PluginFactory;
import org.rseq4j.queues.SliceBlockingQueue;

/**
 * The plugin by which Log4j's asynchronous appender takes a {@link SliceBlockingQueue} in place of its
 * {@link java.util.concurrent.ArrayBlockingQueue}:
 *
 * <pre>{@code
 * <Async name="async">
 *   <AppenderRef ref="file"/>
 *   <SliceBlockingQueue/>
 * </Async>
 * }</pre>
 *
 * <p>
 * The attribute {@code fair="true"} makes the queue the fair form. Its capacity is the appender's {@code bufferSize},
 * its guarantees, costs and behaviour without rseq are the queue's.
 *
 * <p>
 * Log4j ({@code org.apache.logging.log4j:log4j-core}) is an optional dependency: only this class refers to it, and
 * nothing else of the library to this class.
 *
 * @param <E> the type of the elements
 * @since 0.1.0
 */
@Plugin(name = "SliceBlockingQueue", category = Core.CATEGORY_NAME, elementType = BlockingQueueFactory.ELEMENT_TYPE)
public final class SliceBlockingQueueFactory<E> implements BlockingQueueFactory<E> {
    private final boolean fair;

    private SliceBlockingQueueFactory(boolean fair) {
        this.fair = fair;
    }

    /**
     * Called by Log4j.
     *
     * @param <E> the type of the elements
     * @param fair whether those that wait go in order of arrival
     * @return the factory
     */
    @PluginFactory
    public static <E> SliceBlockingQueueFactory<E> createFactory(
            @PluginAttribute(value = "fair", defaultBoolean = false) boolean fair) {
        return new SliceBlockingQueueFactory<>(fair);
    }

    /**
     * Makes a queue.
     *
     * @param capacity how many events it holds at most
     * @return the queue
     */
    @Override
    public BlockingQueue<E> create(int capacity) {
        return new SliceBlockingQueue<>(capacity, fair);
    }
}
