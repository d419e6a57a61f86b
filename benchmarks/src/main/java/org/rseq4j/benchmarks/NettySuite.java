// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.benchmarks;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuByteBufAllocator;

/**
 * A server on Netty with one allocator for all its buffers, and an event loop for each CPU: one that sends back what it
 * gets, 8 KiB, or an HTTP server whose answers have 8 KiB. Each thread has a connection to it, sends and waits for the
 * answer; the number of operations is that of answers. Clients use the machine as well, and the allocator takes a small
 * part of what an answer costs.
 */
final class NettySuite implements Suite {
    private static final int BYTES = 8192;
    private static final byte[] REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
            .getBytes(StandardCharsets.US_ASCII);
    private static final String HEADER_END = "\r\n\r\n";

    private final boolean http;

    NettySuite(boolean http) {
        this.http = http;
    }

    @Override
    public String name() {
        return http ? "netty-http" : "netty-echo";
    }

    @Override
    public Map<String, Contender.Factory> contenders() {
        Map<String, Contender.Factory> contenders = new LinkedHashMap<>();
        contenders.put("rseq4j PerCpuByteBufAllocator",
                threads -> new Server(threads, new PerCpuByteBufAllocator(new PerCpuBufferPool())));
        contenders.put("Netty adaptive", threads -> new Server(threads, new AdaptiveByteBufAllocator(true)));
        contenders.put("Netty pooled", threads -> new Server(threads, new PooledByteBufAllocator(true)));
        return contenders;
    }

    private final class Server implements Contender {
        private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(
                Runtime.getRuntime().availableProcessors(), new DefaultThreadFactory("server", true),
                NioIoHandler.newFactory());
        private final Channel channel;
        private final Client[] clients;

        Server(int threads, ByteBufAllocator allocator) throws InterruptedException, IOException {
            channel = new ServerBootstrap().group(loops).channel(NioServerSocketChannel.class)
                    .option(ChannelOption.SO_BACKLOG, threads).option(ChannelOption.ALLOCATOR, allocator)
                    .childOption(ChannelOption.ALLOCATOR, allocator).childOption(ChannelOption.TCP_NODELAY, true)
                    .childHandler(new ChannelInitializer<>() {
                        @Override
                        protected void initChannel(Channel connection) {
                            serve(connection.pipeline());
                        }
                    }).bind("127.0.0.1", 0).sync().channel();
            clients = new Client[threads];
            for (int i = 0; i < threads; i++) {
                clients[i] = new Client(SocketChannel.open(channel.localAddress()), (byte) i);
            }
        }

        private void serve(ChannelPipeline pipeline) {
            if (http) {
                pipeline.addLast(new HttpServerCodec(), new HttpObjectAggregator(BYTES), new Answers());
            } else {
                pipeline.addLast(new Echo());
            }
        }

        @Override
        public long work(int thread, Round round) throws IOException {
            long answers = 0;
            for (; round.running(); answers++) {
                clients[thread].ask();
            }
            return answers;
        }

        @Override
        public void close() {
            try {
                for (Client client : clients) {
                    client.connection.close();
                }
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                channel.close().syncUninterruptibly();
                loops.shutdownGracefully(0, 10, TimeUnit.SECONDS).syncUninterruptibly();
            }
        }
    }

    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.write(message, context.voidPromise());
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }
    }

    private static final class Answers extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            ByteBuf content = context.alloc().directBuffer(BYTES).writeZero(BYTES);
            var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, content);
            response.headers().setInt(HttpHeaderNames.CONTENT_LENGTH, BYTES);
            context.writeAndFlush(response, context.voidPromise());
        }
    }

    /** One connection; used by one thread at a time. */
    private final class Client {
        private final SocketChannel connection;
        private final byte mark;
        private final ByteBuffer request;
        private final ByteBuffer answer = ByteBuffer.allocateDirect(2 * BYTES);
        /** How long an answer is, all being alike; 0 until the first one came. */
        private int length;

        Client(SocketChannel connection, byte mark) throws IOException {
            this.connection = connection;
            this.mark = mark;
            connection.setOption(java.net.StandardSocketOptions.TCP_NODELAY, true);
            request = ByteBuffer.allocateDirect(http ? REQUEST.length : BYTES);
            if (http) {
                request.put(REQUEST);
            } else {
                length = BYTES;
            }
        }

        void ask() throws IOException {
            if (!http) {
                request.put(0, mark).put(BYTES - 1, mark);
            }
            request.clear();
            while (request.hasRemaining()) {
                connection.write(request);
            }
            answer.clear();
            while (length == 0 || answer.position() < length) {
                if (connection.read(answer) < 0) {
                    throw new EOFException("the server has closed the connection");
                }
                length = length == 0 ? lengthOfFirst() : length;
            }
            if (answer.position() != length || !http && (answer.get(0) != mark || answer.get(BYTES - 1) != mark)) {
                throw new IOException("the answer is another");
            }
        }

        private int lengthOfFirst() {
            String text = StandardCharsets.ISO_8859_1.decode(answer.duplicate().flip()).toString();
            int end = text.indexOf(HEADER_END);
            if (end >= 0 && !text.startsWith("HTTP/1.1 200 ")) {
                throw new IllegalStateException(text.substring(0, end));
            }
            return end < 0 ? 0 : end + HEADER_END.length() + BYTES;
        }
    }
}
