// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import org.rseq4j.SliceExtension;

/** Sections with nothing in them, on one thread. */
final class Sections implements Workload {
    @Override
    public long work(int thread, Stop stop) {
        long operations = 0;
        while (!stop.requested()) {
            for (int i = 0; i < BATCH; i++) {
                SliceExtension.end(SliceExtension.begin());
            }
            operations += BATCH;
        }
        return operations;
    }
}
