// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.internal.section;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.rseq4j.internal.linux.Abi;
import org.rseq4j.internal.linux.Memory;
import org.rseq4j.internal.linux.NativeLibrary;

/**
 * The protocol on a simulated area: every sequence of a section's steps and the kernel's, up to a length, against a
 * model.
 */
@Tag("java")
class SectionProtocolTest {
    private static final int LENGTH = 8;

    /** What a thread does, and what the kernel does to it. */
    private enum Step {
        BEGIN, END, RENEW, GRANT, EXPIRE, SCHEDULE
    }

    private final ByteBuffer memory = ByteBuffer.allocateDirect(320).alignedSlice(64);
    private long record;
    private long area;

    @BeforeEach
    void makeArea() {
        assumeTrue(NativeLibrary.isAvailable(), "needs absolute memory, so the native library");
        record = Memory.address(memory);
        area = record + Abi.RECORD_SIZE;
        Section.prepare(record, area);
        SectionTraining.await(); // it counts what this looks at
    }

    @Test
    void everyOrderOfStepsKeepsTheProtocol() {
        List<Step> steps = new ArrayList<>();
        int sequences = explore(steps);
        assertTrue(sequences > 30_000, "only " + sequences + " sequences were explored");
    }

    private int explore(List<Step> steps) {
        int sequences = play(steps) ? 1 : 0;
        if (steps.size() < LENGTH) {
            for (Step step : Step.values()) {
                steps.add(step);
                sequences += explore(steps);
                steps.remove(steps.size() - 1);
            }
        }
        return sequences;
    }

    /** Plays a sequence from the start; false when a step in it cannot happen. */
    private boolean play(List<Step> steps) {
        request(0);
        granted(0);
        Section.prepare(record, area);
        Deque<Long> open = new ArrayDeque<>();
        for (Step step : steps) {
            int requestBefore = request();
            int grantedBefore = granted();
            switch (step) {
                case BEGIN -> {
                    long section = Section.open(record);
                    boolean owner = requestBefore == 0 && grantedBefore == 0;
                    assertEquals(owner, section != 0, () -> "ownership after " + steps);
                    assertEquals(owner ? 1 : requestBefore, request(), () -> "request after " + steps);
                    open.push(section);
                }
                case END -> {
                    if (open.isEmpty()) {
                        return false;
                    }
                    long section = open.pop();
                    boolean ours = section != 0 && isOpen(section);
                    long yields = yields();
                    long interruptions = Section.INTERRUPTED.sum();
                    Section.close(section, record);
                    assertEquals(ours && grantedBefore == 1 ? 1 : 0, yields() - yields, () -> "yields after " + steps);
                    assertEquals(ours && grantedBefore == 0 && requestBefore == 0 ? 1 : 0,
                            Section.INTERRUPTED.sum() - interruptions, () -> "interruptions after " + steps);
                    if (ours) {
                        assertEquals(0, request(), () -> "request after " + steps);
                        granted(0); // what the kernel does in rseq_slice_yield
                    } else {
                        assertEquals(requestBefore, request(), () -> "another's request after " + steps);
                    }
                    Section.close(section, record); // ended twice: no effect
                    assertEquals(ours ? 0 : requestBefore, request(), () -> "request after a second end of " + steps);
                }
                case RENEW -> {
                    if (open.isEmpty()) {
                        return false;
                    }
                    long section = open.peek();
                    boolean again = section != 0 && isOpen(section) && requestBefore == 0 && grantedBefore == 0;
                    Section.renewOpen(section, record);
                    assertEquals(again ? 1 : requestBefore, request(), () -> "request after " + steps);
                }
                case GRANT -> {
                    if (requestBefore == 0 || grantedBefore == 1) {
                        return false;
                    }
                    request(0);
                    granted(1);
                }
                case EXPIRE -> {
                    if (grantedBefore == 0) {
                        return false;
                    }
                    granted(0);
                }
                case SCHEDULE -> {
                    request(0);
                    granted(0);
                }
            }
            // The kernel calls this inconsistent.
            assertTrue(request() == 0 || granted() == 0, () -> "request while granted after " + steps);
            if (step != Step.GRANT) {
                assertEquals(
                        step == Step.EXPIRE || step == Step.SCHEDULE || step == Step.END ? granted() : grantedBefore,
                        granted(), () -> "granted is the kernel's, after " + steps);
            }
        }
        while (!open.isEmpty()) {
            Section.close(open.pop(), record);
        }
        assertEquals(0, request(), () -> "a request was left behind after " + steps);
        return true;
    }

    @Test
    void aStaleSectionHasNoEffectOnALaterOne() {
        request(0);
        long first = Section.open(record);
        Section.close(first, record);
        long second = Section.open(record);
        Section.close(first, record);
        Section.renewOpen(first, record);
        assertEquals(1, request());
        Section.close(second, record);
        assertEquals(0, request());
    }

    @Test
    void anotherLibrarysRequestIsLeftAlone() {
        request(1);
        long section = Section.open(record);
        assertEquals(0, section);
        Section.close(section, record);
        assertEquals(1, request());
        long unchecked = Section.request(area);
        assertEquals(0, unchecked);
        assertEquals(1, request());
    }

    @Test
    void aMadeUpSectionHasNoEffect() {
        request(1);
        for (long section : new long[]{0, 1, -1, area, area | 1, Long.MIN_VALUE | 1, 12345}) {
            Section.close(section, record);
            Section.renewOpen(section, record);
        }
        assertEquals(1, request());
    }

    @Test
    void anAreaIsNoTokenAndATokenIsNoArea() {
        request(0);
        long token = Section.open(record);
        assertTrue(token < 0);
        Section.end(token);
        Section.renew(token);
        assertEquals(0, Section.begin(token));
        assertEquals(1, request());
        Section.close(area, record);
        assertEquals(1, request());
        Section.close(token, record);
        assertEquals(0, request());
    }

    private boolean isOpen(long section) {
        return Memory.getLong(record + Abi.RECORD_SECTION) == section;
    }

    private static long yields() {
        return Section.YIELDED.sum() + Section.REVOKED.sum();
    }

    private int request() {
        return Memory.getByteOpaque(area + Abi.SLICE_REQUEST);
    }

    private int granted() {
        return Memory.getByteOpaque(area + Abi.SLICE_GRANTED);
    }

    private void request(int value) {
        Memory.setByteOpaque(area + Abi.SLICE_REQUEST, (byte) value);
    }

    private void granted(int value) {
        Memory.setByteOpaque(area + Abi.SLICE_GRANTED, (byte) value);
    }
}
