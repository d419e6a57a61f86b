// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.memory;

/** A program that waits for the collector as long as it may, and prints how often it did. */
final class Waits {
    private Waits() {
    }

    public static void main(String[] arguments) {
        var wait = new CollectorWait();
        int waits = 0;
        while (wait.sleep()) {
            waits++;
        }
        System.out.println(waits);
    }
}
