// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

/** What is compared with each other: the first contender of a family is this library's. */
enum Family {
    SECTION("section", "ns for begin and end", false), //
    COUNTER("counter", "million additions a second", true), //
    POOL("pool", "million loans of 8 KiB a second", true), //
    QUEUE("queue", "million elements a second", true), //
    LOCK("lock", "million holds a second", true);

    final String title;
    final String unit;
    /** Whether it is run by several threads at once. */
    final boolean shared;

    Family(String title, String unit, boolean shared) {
        this.title = title;
        this.unit = unit;
        this.shared = shared;
    }

    /** {@return a rate, in operations a second, in the family's unit} */
    double inUnit(double rate) {
        return this == SECTION ? 1e9 / rate : rate / 1e6;
    }
}
