// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.util.List;

/** What the demo needs of a server that it drives, on the structures of one side. */
interface Subject {
    /**
     * Two numbers that have to be equal.
     *
     * @param name of what is checked, the same for all sides
     */
    record Check(String name, String left, long leftValue, String right, long rightValue) {
    }

    /**
     * Something that was counted.
     *
     * @param key for programs
     * @param title for people
     */
    record Figure(String key, String title, long value) {
    }

    String name();

    int port();

    /** Requests that arrive from now on are this side's; no effect where each side has a server of its own. */
    default void use() {
    }

    /** Stops the server; the second call has no effect. */
    void stop() throws Exception;

    /**
     * {@return what has to hold now that the server has stopped}
     *
     * @param answered requests, as the clients saw it
     */
    List<Check> checks(long answered);

    default List<Figure> figures() {
        return List.of();
    }
}
