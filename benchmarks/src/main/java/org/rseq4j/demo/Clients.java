// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** The client's processes, one for each server. */
final class Clients implements AutoCloseable {
    private final int connections;
    private final Live live;
    private final Map<Integer, Load> byPort = new HashMap<>();

    Clients(int connections, Live live) {
        this.connections = connections;
        this.live = live;
    }

    Load of(int port) throws IOException {
        Load load = byPort.get(port);
        if (load == null) {
            load = new Load(port, connections, live);
            byPort.put(port, load);
        }
        return load;
    }

    @Override
    public void close() throws IOException {
        for (Load load : byPort.values()) {
            load.close();
        }
    }
}
