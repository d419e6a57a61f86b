// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.measure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.concurrent.ArrayBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class WorkloadTest {
    /** The workloads' own checks throw where something was lost or doubled. */
    @ParameterizedTest
    @EnumSource
    void aRoundOfEachContenderLosesNothing(Contender contender) throws Exception {
        for (int threads : Contender.threads(contender.family, 2)) {
            Sample sample = Worker.round(contender, threads, 20);
            assertTrue(sample.operations() >= 0 && sample.nanos() > 0, sample.toString());
        }
    }

    @Test
    void oneThreadAloneDoesBothSidesOfAQueue() {
        var transfers = new Transfers(new ArrayBlockingQueue<>(4), 1);
        var stop = new Stop();
        stop.request();
        transfers.check(transfers.work(0, stop)); // nothing offered, nothing polled
    }

    @Test
    void anElementThatWasLostIsSeen() {
        var queue = new ArrayDeque<>();
        var transfers = new Transfers(queue, 2);
        queue.add("nobody offered this");
        assertThrows(IllegalStateException.class, () -> transfers.check(0));
    }

    @Test
    void anArrayThatIsLentTwiceIsSeen() {
        byte[] array = new byte[Loans.SIZE];
        array[0] = 1; // somebody has it
        var loans = new Loans(() -> array, released -> {}, () -> {});
        assertThrows(IllegalStateException.class, () -> loans.work(0, new Stop()));
    }

    @Test
    void additionsThatWereLostAreSeen() {
        var additions = new Additions(() -> {}, () -> 99, () -> {});
        assertThrows(IllegalStateException.class, () -> additions.check(100));
    }

    @Test
    void aSampleComesBackFromItsLine() {
        var sample = new Sample(1, 2, 3, 4, 5, 6);
        assertEquals(sample, Sample.ofLine(sample.toLine()));
    }
}
