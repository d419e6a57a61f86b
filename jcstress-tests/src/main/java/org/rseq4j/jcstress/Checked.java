// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.jcstress;

/** For actors, which may throw no checked exception: one that is thrown is an error of the test. */
final class Checked {
    private Checked() {
    }

    interface Action {
        void run() throws Exception;
    }

    static void run(Action action) {
        try {
            action.run();
        } catch (RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }
}
