// SPDX-License-Identifier: Apache-2.0
package org.rseq4j.demo;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
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
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.rseq4j.pools.PerCpuBufferPool;
import org.rseq4j.pools.PerCpuByteBufAllocator;

/** Netty with an event loop for each CPU; the side chooses the allocator of all its buffers. */
final class NettySubject implements Subject {
    private final String name;
    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(Runtime.getRuntime().availableProcessors(),
            NioIoHandler.newFactory());
    private final Channel channel;
    private final LongAdder requests = new LongAdder();
    private final LongAdder made = new LongAdder();
    private final LongAdder released = new LongAdder();
    private final Queue<ByteBuf> late = new ConcurrentLinkedQueue<>();

    private NettySubject(String name, ByteBufAllocator allocator) throws InterruptedException {
        this.name = name;
        channel = new ServerBootstrap().group(loops).channel(NioServerSocketChannel.class)
                .option(ChannelOption.ALLOCATOR, allocator).childOption(ChannelOption.ALLOCATOR, allocator)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel connection) {
                        connection.pipeline().addLast(new HttpServerCodec(), new HttpObjectAggregator(Buffer.SIZE),
                                new Text());
                    }
                }).bind("127.0.0.1", 0).sync().channel();
    }

    static Subject rseq4j() throws InterruptedException {
        return new NettySubject("rseq4j", new PerCpuByteBufAllocator(new PerCpuBufferPool()));
    }

    /** The allocator that Netty 4.2 takes when none is given. */
    static Subject netty() throws InterruptedException {
        return new NettySubject("netty", new AdaptiveByteBufAllocator(true));
    }

    private final class Text extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            byte[] answer = OtherServers.answer(ByteBufUtil.getBytes(request.content()));
            ByteBuf content = context.alloc().directBuffer(answer.length).writeBytes(answer);
            made.increment();
            var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, content);
            response.headers().set(HttpHeaderNames.CONTENT_TYPE, "application/json")
                    .setInt(HttpHeaderNames.CONTENT_LENGTH, answer.length);
            requests.increment();
            context.writeAndFlush(response).addListener(written -> {
                if (content.refCnt() == 0) {
                    released.increment();
                } else {
                    late.add(content); // released after this by who wrote it to a channel that was closed
                }
            });
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public int port() {
        return ((InetSocketAddress) channel.localAddress()).getPort();
    }

    @Override
    public void stop() throws InterruptedException {
        channel.close().sync();
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).sync();
    }

    @Override
    public List<Check> checks(long answered) {
        long back = released.sum() + late.stream().filter(content -> content.refCnt() == 0).count();
        return List.of(OtherServers.counted(requests, answered),
                new Check("everyBufferIsBack", "buffers released", back, "made", made.sum()));
    }
}
