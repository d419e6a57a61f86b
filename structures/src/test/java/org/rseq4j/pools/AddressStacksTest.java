// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.pools;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class AddressStacksTest {
    /** As who releases a buffer twice may do it, whose span is meanwhile cut for another size. */
    @Test
    void anotherStacksCapacityNeitherLeavesTheStackNorHidesWhatIsThere() {
        var stacks = new AddressStacks(2);
        long small = stacks.allocate();
        long next = stacks.allocate();
        Set<Long> pushed = new TreeSet<>();
        // Fills the stack of one CPU at least.
        for (long address = 1; address <= (AddressStacks.SLOTS + 1L) * stacks.count(); address++) {
            if (stacks.push(small, AddressStacks.SLOTS, address)) {
                pushed.add(address);
            }
        }
        assertEquals(0, stacks.size(next));
        assertEquals(pushed.size(), stacks.size(small));
        Set<Long> found = new TreeSet<>();
        long top = stacks.pop(small);
        if (top != 0) { // not moved to another CPU meanwhile
            found.add(top);
        }
        stacks.drain(small, found::add);
        assertEquals(pushed, found);
        stacks.close();
    }
}
