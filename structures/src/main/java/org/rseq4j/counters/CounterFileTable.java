// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.counters;

import java.lang.invoke.VarHandle;
import java.lang.ref.PhantomReference;
import java.lang.ref.ReferenceQueue;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.LongFunction;
import org.rseq4j.internal.memory.Mapping;
import org.rseq4j.internal.memory.Words;

/**
 * The meters of a counter file as its writer has them. It is guarded by the file.
 *
 * <p>
 * The word of state in the file commits: what throws before has registered or freed nothing, and only assignments come
 * after. The place of a freed counter is used again when the counter is unreachable, so that an addition which another
 * thread is in the middle of goes nowhere else.
 */
final class CounterFileTable {
    private final Mapping mapping;
    private final CounterFileFormat format;
    /** Those without a place are not registered any more, or were not quite. */
    private final Map<String, Meter> meters = new LinkedHashMap<>();
    /** What waits to be found unreachable, by number. */
    private final Place[] places;
    private final ReferenceQueue<Object> unreachable = new ReferenceQueue<>();
    /** Was found, and is not used yet; or null. */
    private Place spare;
    private int entries;
    private long used;
    private long usedByHistograms;
    private int freed;

    CounterFileTable(Mapping mapping, CounterFileFormat format) {
        this.mapping = mapping;
        this.format = format;
        this.places = new Place[format.capacity()];
    }

    /** An entry and its values. */
    private static final class Place extends PhantomReference<Object> {
        private final int number;
        private final long offset;

        private Place(Object meter, ReferenceQueue<Object> queue, int number, long offset) {
            super(meter, queue);
            this.number = number;
            this.offset = offset;
        }
    }

    static final class Meter {
        final String name;
        final String description;
        final MeterDefinition definition;
        /** Null when it is not registered. */
        private Object object;
        private Place place;
        /** Whether all watchers know of it. */
        volatile boolean isTold;

        private Meter(String name, String description, MeterDefinition definition) {
            this.name = name;
            this.description = description;
            this.definition = definition;
        }

        Object object() {
            return object;
        }
    }

    /** The meter of a name; null when there is none. */
    Meter find(String name, MeterDefinition definition) {
        Meter known = meters.get(Objects.requireNonNull(name, "name"));
        if (known == null || known.place == null) {
            return null;
        }
        if (!known.definition.isSame(definition)) {
            throw new IllegalArgumentException(name + " is a " + known.definition.type().label()
                    + " already, of another type, range, type id or key");
        }
        return known;
    }

    List<Meter> all() {
        return new ArrayList<>(meters.values().stream().filter(meter -> meter.place != null).toList());
    }

    /** Whether there is no room now, and may be when freed counters are found unreachable. */
    boolean isAwaitingRoom(MeterDefinition definition) {
        return definition.isCounter() && freed > 0 && !findSpare() && !hasRoom(definition);
    }

    private boolean findSpare() {
        if (spare == null) {
            spare = (Place) unreachable.poll();
        }
        return spare != null;
    }

    private boolean hasRoom(MeterDefinition definition) {
        return entries < format.capacity() && definition.bytes() <= (1L << format.shift()) - used
                && format.isReadable(used + definition.bytes());
    }

    /** Registers a meter of a name that has none. */
    Meter enter(String name, String description, MeterDefinition definition, LongFunction<Object> make) {
        byte[] nameBytes = text("name", name, CounterFileFormat.NAME_BYTES);
        byte[] descriptionBytes = text("description", description, CounterFileFormat.DESCRIPTION_BYTES);
        if (nameBytes.length == 0) {
            throw new IllegalArgumentException("the name is empty");
        }
        boolean again = definition.isCounter() && findSpare();
        if (!again) {
            checkRoom(name, definition);
        }
        int number = again ? spare.number : entries;
        long offset = again ? spare.offset : used;
        long state = state(number);
        if (again) {
            VarHandle.releaseFence(); // a reader that sees what is written from here on finds the state that says free
            zero(offset);
        }
        write(number, CounterFileFormat.entry(definition, offset, nameBytes, descriptionBytes));
        var meter = new Meter(name, description, definition);
        Object object = make.apply(format.data() + offset);
        var place = new Place(object, unreachable, number, offset);
        long bytes = definition.bytes();
        long ofHistograms = definition.type() == CounterFileFormat.Type.HISTOGRAM ? bytes : 0;
        meters.put(name, meter);
        // Last: a reader that sees the state sees all of the entry; a writer that died before has no entry here.
        Words.setRelease(mapping, mapping.base + format.stateAt(number), state + 1);
        places[number] = place;
        meter.object = object;
        meter.place = place;
        if (again) {
            spare = null;
            freed--;
        } else {
            entries++;
            used += bytes;
            usedByHistograms += ofHistograms;
        }
        return meter;
    }

    /** Notes that watchers may not know of a counter. */
    @SuppressWarnings("ReferenceEquality")
    void toBeTold(PerCpuCounter counter) {
        for (Meter meter : meters.values()) {
            if (meter.object == counter) {
                meter.isTold = false;
            }
        }
    }

    /** Frees a counter; false when it is not registered. */
    @SuppressWarnings("ReferenceEquality") // which object, not which number
    boolean free(PerCpuCounter counter) {
        for (Meter meter : meters.values()) {
            if (meter.object == counter) {
                int number = meter.place.number;
                Words.setRelease(mapping, mapping.base + format.stateAt(number), state(number) + 1);
                counter.first = PerCpuCounter.CLOSED;
                meter.object = null;
                meter.place = null;
                freed++;
                meters.remove(meter.name);
                return true;
            }
        }
        return false;
    }

    private long state(int number) {
        return Words.getOpaque(mapping, mapping.base + format.stateAt(number));
    }

    private void zero(long offset) {
        for (long stride = 0; stride < format.strides(); stride++) {
            Words.setOpaque(mapping, mapping.base + format.data() + (stride << format.shift()) + offset, 0);
        }
    }

    private void write(int number, ByteBuffer entry) {
        for (int at = 0; at < CounterFileFormat.ENTRY; at += Long.BYTES) {
            Words.setOpaque(mapping, mapping.base + format.entryAt(number) + at, entry.getLong(at));
        }
    }

    private void checkRoom(String name, MeterDefinition definition) {
        long bytes = definition.bytes();
        if (entries == format.capacity() || bytes > (1L << format.shift()) - used) {
            throw new IllegalStateException("no room for " + name + ": " + entries + " of " + format.capacity()
                    + " meters and " + used + " of " + (1L << format.shift()) + " bytes for each CPU are taken"
                    + (freed == 0 ? "" : ", " + freed + " by freed counters that something still refers to"));
        }
        if (!format.isReadable(used + bytes)) {
            throw new IllegalStateException("no room for " + name + ": " + used + " bytes for each of "
                    + format.strides() + " CPUs are taken, at most " + CounterFileFormat.MAX_VALUE_BYTES
                    + " together");
        }
        if (definition.type() == CounterFileFormat.Type.HISTOGRAM
                && bytes > CounterFileFormat.MAX_HISTOGRAM_BYTES - usedByHistograms) {
            throw new IllegalStateException("no room for " + name + ": histograms take " + usedByHistograms + " of "
                    + CounterFileFormat.MAX_HISTOGRAM_BYTES + " bytes for each CPU");
        }
    }

    private static byte[] text(String what, String text, int limit) {
        if (Objects.requireNonNull(text, what).chars()
                .anyMatch(c -> Character.isISOControl(c) || Character.isSurrogate((char) c))) {
            throw new IllegalArgumentException(
                    "the " + what + " has a control character or one beyond 16 bits");
        }
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        if (bytes.length > limit) {
            throw new IllegalArgumentException("the " + what + " has " + bytes.length + " bytes, at most " + limit);
        }
        return bytes;
    }
}
