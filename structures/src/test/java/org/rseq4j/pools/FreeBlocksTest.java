// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.Test;

class FreeBlocksTest {
    private static final int SHIFT = 12;
    private static final int BLOCKS = Span.BYTES >>> SHIFT;
    private static final int DEPTHS = 2_000;

    /** What an error gave back is there, also when another one ended its way to where it is taken from. */
    @Test
    void whatAnErrorGaveBackSurvivesTheNextOne() throws InterruptedException {
        Deque<FreeBlocks> unused = new ArrayDeque<>();
        List<FreeBlocks> all = new ArrayList<>();
        for (int i = 0; i < DEPTHS; i++) {
            var blocks = new FreeBlocks(null, 0, SHIFT);
            blocks.give(0, 1); // linked before the stack ends
            if (!blocks.takeAll()) {
                throw new AssertionError();
            }
            for (int word = 0; word < blocks.returned.length; word++) {
                blocks.returned[word] = -1;
            }
            blocks.someReturned = true;
            unused.add(blocks);
            all.add(blocks);
        }
        Thread deep = new Thread(null, () -> takeBackOnTheWayUp(unused), "deep", 300_000);
        deep.start();
        deep.join();
        for (FreeBlocks blocks : all) {
            assertEquals(BLOCKS, blocks.count());
        }
    }

    private static void takeBackOnTheWayUp(Deque<FreeBlocks> unused) {
        try {
            takeBackOnTheWayUp(unused);
        } catch (StackOverflowError e) {
            // here
        }
        FreeBlocks blocks = null;
        try {
            blocks = unused.poll();
            if (blocks != null) {
                blocks.takeBack();
            }
        } catch (StackOverflowError e) {
            // and with a little more stack
        }
    }
}
