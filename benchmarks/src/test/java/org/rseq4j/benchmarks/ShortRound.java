// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** A round of a contender in this JVM. */
final class ShortRound {
    private ShortRound() {
    }

    /** What each worker did in so many milliseconds; with 0 each does what it does at least. */
    static List<Long> run(Contender contender, int workers, int millis) throws Exception {
        var round = new Round();
        if (millis == 0) {
            round.end();
        }
        List<Long> operations = new ArrayList<>();
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            List<Future<Long>> all = new ArrayList<>();
            for (int i = 0; i < workers; i++) {
                int worker = i;
                Callable<Long> work = () -> contender.work(worker, round);
                all.add(threads.submit(work));
            }
            Thread.sleep(millis);
            round.end();
            for (Future<Long> one : all) {
                operations.add(one.get());
            }
        }
        return operations;
    }
}
